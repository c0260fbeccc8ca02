// A rate with a burst.
#include "transport/allowance.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::transport;
using namespace std::chrono_literals;

namespace {

struct user {
  bool uses(std::int64_t units = 1) {
    const auto after = limit.after(due, now, units);
    if (!limit.holds(after, now)) return false;
    due = after;
    return true;
  }

  allowance limit{.each = 100ms, .burst = 300ms};
  allowance::time_point now{1h};
  allowance::time_point due{};
};

}  // namespace

CAF_TEST(a_burst_goes_at_once_and_then_the_rate_holds) {
  user one;
  CAF_CHECK(one.uses() && one.uses() && one.uses());
  CAF_CHECK(!one.uses());
  one.now += 100ms;
  CAF_CHECK(one.uses());
  CAF_CHECK(!one.uses());
  one.now += 1h;
  CAF_CHECK(one.uses() && one.uses() && one.uses());
  CAF_CHECK(!one.uses());
}

CAF_TEST(several_units_count_as_so_many_uses) {
  user one;
  CAF_CHECK(!one.uses(4));
  CAF_CHECK(one.uses(2));
  CAF_CHECK(!one.uses(2));
  CAF_CHECK(one.uses(1));
}
