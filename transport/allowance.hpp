/// How much may be done at once and in the long run: the generic cell rate
/// algorithm, which keeps one time instead of a bucket of tokens. Pure.
/// Source: ITU-T I.371, annex A.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace status2::transport {

/// A rate and a burst. The state of whoever has the allowance is a time: when
/// the allowance is full again.
struct allowance {
  using time_point = std::chrono::steady_clock::time_point;

  std::chrono::nanoseconds each;   ///< that one unit costs
  std::chrono::nanoseconds burst;  ///< that may be used at once

  /// The time after `units` more were used at `now`.
  time_point after(time_point due, time_point now,
                   std::int64_t units = 1) const {
    return std::max(due, now) + each * units;
  }
  /// Returns whether a time that after() gave is within the allowance.
  bool holds(time_point due, time_point now) const {
    return due <= now + burst;
  }
};

}  // namespace status2::transport
