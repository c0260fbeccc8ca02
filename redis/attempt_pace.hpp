/// When the next attempt to reach Redis may begin, and which failures count.
/// Pure: time and chance come in as arguments.
///
/// An attempt that Redis refused costs it something: the backoff rules. While
/// nobody answers, attempts cost nothing and come quickly; one failure counts
/// per wait of the backoff, so that an outage is surfaced at the same pace.
#pragma once

#include "redis/backoff.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

namespace status2::redis {

/// Thread: that of its machine.
class attempt_pace {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `knock`: time between two attempts while nobody answers, give or take a
  /// fifth. `chance` draws uniformly from [0, 1).
  attempt_pace(backoff retry, std::chrono::nanoseconds knock,
               std::function<double()> chance);

  struct failure {
    std::uint32_t count = 0;  ///< failures in a row
    std::chrono::nanoseconds wait{0};
  };
  /// An attempt begins.
  void begun(time_point now) { begun_at_ = now; }
  /// Redis refused the attempt; the next one waits.
  failure refused(time_point now);
  /// Nobody has answered. Returns nothing if this failure does not count.
  std::optional<failure> unanswered(time_point now);
  /// The next attempt after one that nobody answered.
  time_point next_knock(time_point now);
  /// Redis has acknowledged a subscription: failures are over.
  void forget();
  /// The connection that served is lost. Returns when the next attempt begins:
  /// at once, unless more than 20 connections were lost within 10 s.
  time_point after_loss(time_point now);

 private:
  const backoff retry_;
  const std::chrono::nanoseconds knock_;
  const std::function<double()> chance_;
  std::uint32_t failures_ = 0;
  time_point count_at_{};  ///< from then on the next failure counts
  time_point begun_at_{};
  std::deque<time_point> losses_;  ///< of the last 10 s
};

}  // namespace status2::redis
