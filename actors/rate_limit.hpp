/// Lets a log line through at most so often, and counts what it held back.
/// Pure: time comes in as an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace status2::actors {

/// Thread: one.
class rate_limit {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// At most `lines` a second.
  explicit rate_limit(std::uint32_t lines) : lines_(lines) {}

  /// How many were held back since the last that passed, if this one passes;
  /// else nothing, and it counts as held back.
  std::optional<std::uint64_t> admit(time_point now) {
    if (!started_ || now - window_ >= std::chrono::seconds{1}) {
      started_ = true;
      window_ = now;
      passed_ = 0;
    }
    if (passed_ == lines_) {
      ++suppressed_;
      return std::nullopt;
    }
    ++passed_;
    return std::exchange(suppressed_, 0);
  }

 private:
  std::uint32_t lines_;
  bool started_ = false;
  time_point window_;
  std::uint32_t passed_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace status2::actors
