#include "redis/connect_budget.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

using time_point = connect_budget::time_point;

const time_point start{1h};

/// The times of connections tried as early as the budget allows, and not
/// before `from`.
std::vector<time_point> times(connect_budget& budget, time_point from,
                              std::size_t count) {
  std::vector<time_point> result;
  for (auto now = from; result.size() < count;) {
    now = budget.next(now);
    budget.spend(now);
    result.push_back(now);
  }
  return result;
}

/// The most that lie in one second, its ends included.
std::ptrdiff_t most_in_a_second(const std::vector<time_point>& sorted) {
  std::ptrdiff_t most = 0;
  for (auto first = sorted.begin(); first != sorted.end(); ++first) {
    const auto end = std::upper_bound(first, sorted.end(), *first + 1s);
    most = std::max(most, end - first);
  }
  return most;
}

}  // namespace

CAF_TEST(five_connections_may_be_tried_at_once_and_25_a_second_then) {
  connect_budget budget;
  const auto tried = times(budget, start, 7);
  for (std::size_t i = 0; i < 5; ++i)
    CAF_CHECK(tried[i] == start);
  CAF_CHECK(tried[5] == start + 40ms);
  CAF_CHECK(tried[6] == start + 80ms);
}

CAF_TEST(no_second_has_more_than_30_connections) {
  connect_budget budget;
  CAF_CHECK_EQUAL(most_in_a_second(times(budget, start, 200)), 30);
}

CAF_TEST(a_pause_gives_back_no_more_than_the_burst) {
  connect_budget budget;
  auto tried = times(budget, start, 40);
  const auto later = times(budget, tried.back() + 500ms, 60);
  tried.insert(tried.end(), later.begin(), later.end());
  CAF_CHECK_LESS_OR_EQUAL(most_in_a_second(tried), 30);
  CAF_CHECK(later[4] == later[0]);
  CAF_CHECK(later[5] > later[4]);
}

CAF_TEST(an_unused_budget_delays_nothing) {
  const connect_budget budget;
  CAF_CHECK(budget.next(start) == start);
}
