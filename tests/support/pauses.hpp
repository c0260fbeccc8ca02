/// When a stopped process could do nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace status2::support {

/// Times during which a broker did not run (SIGSTOP), so that a judge can
/// measure in its own time. Order: each pause is later than those before it.
class pauses {
 public:
  using time_point = std::chrono::system_clock::time_point;
  using duration = time_point::duration;

  void add(time_point since, time_point until) {
    all_.push_back({since, until});
  }

  /// How long the process ran between the two; 0 if `until` is earlier.
  duration running(time_point since, time_point until) const {
    auto result = std::max(until - since, duration{0});
    for (const auto& one : all_)
      result -= std::max(
          std::min(until, one.until) - std::max(since, one.since), duration{0});
    return result;
  }
  /// The latest time from which on it ran for `length` until `end`.
  time_point before(time_point end, duration length) const {
    auto result = end - length;
    for (auto i = all_.rbegin(); i != all_.rend(); ++i)
      if (result < i->until && i->since < end)
        result -= std::min(end, i->until) - i->since;
    return result;
  }
  duration total() const {
    duration result{0};
    for (const auto& one : all_)
      result += one.until - one.since;
    return result;
  }

 private:
  struct pause {
    time_point since, until;
  };
  std::vector<pause> all_;
};

}  // namespace status2::support
