#include "actors/restart_policy.hpp"

#include <algorithm>
#include <cstdint>

namespace status2::actors {

std::size_t restart_history::recent(const restart_policy& policy,
                                    time_point now) {
  while (!deaths_.empty() && now - deaths_.front() >= policy.window)
    deaths_.pop_front();
  return deaths_.size();
}

restart_decision restart_history::on_death(const restart_policy& policy,
                                           time_point now, double jitter) {
  recent(policy, now);
  deaths_.push_back(now);
  auto count = deaths_.size();
  if (now < failing_until_ || count > policy.intensity) {
    // Bounded, and a child that then lives for a window starts afresh.
    deaths_.pop_front();
    failing_until_ = now + policy.ceiling + policy.window;
    return {policy.ceiling, true};
  }
  if (count == 1) return {};
  auto doublings = std::min<std::size_t>(count - 2, 30);
  restart_policy::duration doubled = policy.base * (1LL << doublings);
  auto delay = std::min(policy.ceiling, doubled);
  auto spread = static_cast<double>(delay.count()) * (0.5 + jitter / 2);
  return {restart_policy::duration{static_cast<std::int64_t>(spread)}, false};
}

}  // namespace status2::actors
