/// Waiting in tests: for a condition, never for a time.
#pragma once

#include <chrono>
#include <poll.h>

namespace status2::support {

/// Asks `predicate` until it holds or `deadline` is over; the result is
/// whether it held. Blocks: at most `deadline`, and the predicate's own time.
template <class Predicate>
bool eventually(std::chrono::nanoseconds deadline, Predicate predicate) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  constexpr int pause_ms = 5;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= until) return predicate();
    ::poll(nullptr, 0, pause_ms);
  }
  return true;
}

}  // namespace status2::support
