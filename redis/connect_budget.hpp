/// How many connections may be tried: at most 30 in any second. Pure: the time
/// comes in as an argument.
#pragma once

#include <algorithm>
#include <chrono>

namespace status2::redis {

/// A token bucket: a burst of 5, then 25 a second.
/// Thread: that of its owner.
class connect_budget {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// When the next connection may be tried.
  time_point next(time_point now) const {
    return std::max(now, full_at_ - most_saved);
  }
  /// One connection is tried at `now`.
  void spend(time_point now) { full_at_ = std::max(full_at_, now) + interval; }

 private:
  static constexpr std::chrono::milliseconds interval{40};
  static constexpr std::chrono::milliseconds most_saved{4 * interval};
  time_point full_at_{};  ///< when the whole burst is available again
};

}  // namespace status2::redis
