/// When a socket is read again, so that what comes close together is read
/// together. Pure: time comes in as an argument.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace status2::redis {

/// Thread: that of its connection.
class read_pace {
 public:
  using clock = std::chrono::steady_clock;

  /// `interval`: the shortest time between two reads; 0: no pace at all.
  explicit read_pace(std::chrono::nanoseconds interval) : interval_(interval) {}
  bool off() const { return interval_.count() == 0; }

  /// A read brought `replies` at `now`.
  void read(clock::time_point now, std::size_t replies) {
    dense_ = now < due_ + interval_ / 2;
    read_at_ = now;
    replies_ = replies;
    due_ = now + interval_;
  }

  /// What that read brought about is done. Work that took more than an eighth
  /// of the interval delays the next read, up to one interval more. A lone
  /// reply that kept the thread long is followed by a pause twice as long: the
  /// next read then brings others with it, which cost nothing more. Either way
  /// the thread has time for all the rest.
  void done(clock::time_point now) {
    const clock::duration busy = now - read_at_;
    const clock::time_point later =
        replies_ == 1 && busy >= long_work
            ? now + std::min(2 * busy, longest_rest)
            : read_at_ + std::min(8 * busy, 2 * interval_);
    due_ = std::max(due_, later);
  }

  /// When the next read may be.
  clock::time_point due() const { return due_; }
  /// Whether the last read came as soon as it might: another pause is better
  /// slept through. Else nothing is likely to come in it.
  bool dense() const { return dense_; }

 private:
  static constexpr clock::duration long_work = std::chrono::milliseconds{3};
  static constexpr clock::duration longest_rest = std::chrono::milliseconds{50};

  clock::duration interval_;
  clock::time_point read_at_{};
  clock::time_point due_{};
  std::size_t replies_ = 0;
  bool dense_ = false;
};

}  // namespace status2::redis
