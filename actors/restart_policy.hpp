/// How the supervisor treats children that die: the policy as one table, and
/// the bookkeeping for one child. Pure: time comes in as an argument.
///
/// | child      | dies of   | then                                           |
/// | ---------- | --------- | ---------------------------------------------- |
/// | redis link | any cause | restart; at once, then backoff; intensity      |
/// |            |           | exceeded: /ready 503, restarts at the ceiling  |
/// | subscriber | any cause | the same; only its own channel waits           |
/// | canary     | any cause | the same; nobody waits for it                  |
/// | session    | any cause | never restarted: its socket is closed, the     |
/// |            |           | browser comes back by itself                   |
///
/// One for one: no child's death touches another child.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

namespace status2::actors {

struct restart_policy {
  using duration = std::chrono::nanoseconds;
  duration base = std::chrono::milliseconds{10};
  duration ceiling = std::chrono::seconds{5};
  /// More than `intensity` deaths within `window` is a child that cannot live.
  std::size_t intensity = 8;
  duration window = std::chrono::seconds{10};
};

struct restart_decision {
  std::chrono::nanoseconds delay{0};
  bool intensity_exceeded = false;
};

/// Deaths of one child within the window.
class restart_history {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A death at `now`. The first one in a window restarts at once, the n-th
  /// waits base * 2^(n-2), spread by `jitter` in [0, 1) over its upper half,
  /// at most the ceiling; beyond the intensity it waits the ceiling, and so
  /// does each further one until the child has lived for a whole window.
  restart_decision on_death(const restart_policy& policy, time_point now,
                            double jitter);
  /// Deaths that count at `now`.
  std::size_t recent(const restart_policy& policy, time_point now);

 private:
  std::deque<time_point> deaths_;
  time_point failing_until_ = time_point::min();
};

}  // namespace status2::actors
