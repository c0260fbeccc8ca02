/// When a socket is read again, so that what comes close together is read
/// together. Pure: time comes in as an argument.
#pragma once

#include <algorithm>
#include <chrono>

namespace status2::redis {

/// Thread: that of its connection.
class read_pace {
 public:
  using clock = std::chrono::steady_clock;

  /// `interval`: the shortest time between two reads; 0: no pace at all.
  explicit read_pace(std::chrono::nanoseconds interval) : interval_(interval) {}
  bool off() const { return interval_.count() == 0; }

  /// A read, and what it brings about, begin at `now`.
  void read(clock::time_point now) {
    dense_ = now < due_ + interval_ / 2;
    read_at_ = now;
    due_ = now + interval_;
  }

  /// The work of that read is done at `now`. If it took more than an eighth of
  /// the interval, the next read comes later, by one interval at most: the
  /// thread wakes half as often for the same work, and has time for the rest.
  void done(clock::time_point now) {
    due_ = std::max(due_,
                    read_at_ + std::min(8 * (now - read_at_), 2 * interval_));
  }

  /// When the next read may be.
  clock::time_point due() const { return due_; }
  /// Whether the last read came as soon as it might: another pause is better
  /// slept through. Else nothing is likely to come in it.
  bool dense() const { return dense_; }

 private:
  clock::duration interval_;
  clock::time_point read_at_{};
  clock::time_point due_{};
  bool dense_ = false;
};

}  // namespace status2::redis
