/// Waits between attempts: exponential with full jitter between two bounds.
/// Pure: chance comes in as an argument.
/// Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace status2::redis {

struct backoff {
  using duration = std::chrono::nanoseconds;
  duration base{std::chrono::seconds{1}};
  duration max{std::chrono::seconds{30}};

  /// The wait after the `failure`-th failure in a row (from 1): uniform
  /// between base and base * 2^failure, the latter at most max. `chance` is
  /// uniform in [0, 1).
  duration after(std::uint32_t failure, double chance) const {
    duration doubled = base * (std::int64_t{1} << std::min(failure, 20U));
    duration ceiling = std::max(base, std::min(max, doubled));
    auto spread = static_cast<double>((ceiling - base).count()) * chance;
    return base + duration{static_cast<std::int64_t>(spread)};
  }
};

}  // namespace status2::redis
