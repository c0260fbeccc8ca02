// When timers fire, with time as an argument.
#include "transport/timer_wheel.hpp"

#include <caf/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <vector>

using namespace status2::transport;
using namespace std::chrono_literals;

namespace {

struct probe : wheel_timer {
  std::function<void()> action = [] {};
  int fired = 0;
  void on_timer() override {
    ++fired;
    action();
  }
};

struct fixture {
  const timer_wheel::time_point start{100s};
  timer_wheel wheel{start};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(timer_wheel_tests, fixture)

CAF_TEST(a_timer_fires_once_and_never_early) {
  probe timer;
  const auto fires = wheel.arm(timer, start + 25ms);
  CAF_CHECK(fires == start + 30ms);
  CAF_CHECK(wheel.next_due() == fires);
  wheel.expire(start + 29ms);
  CAF_CHECK_EQUAL(timer.fired, 0);
  wheel.expire(start + 30ms);
  CAF_CHECK_EQUAL(timer.fired, 1);
  CAF_CHECK(!timer.armed());
  wheel.expire(start + 60s);
  CAF_CHECK_EQUAL(timer.fired, 1);
  CAF_CHECK(!wheel.next_due());
}

CAF_TEST(a_due_time_in_the_past_fires_at_the_next_tick) {
  probe timer;
  wheel.expire(start + 100ms);
  wheel.arm(timer, start);
  wheel.expire(start + 110ms);
  CAF_CHECK_EQUAL(timer.fired, 1);
}

CAF_TEST(a_timer_further_than_a_turn_waits_its_time) {
  probe timer;
  wheel.arm(timer, start + 75s);
  for (auto now = start; now < start + 75s; now += 10ms)
    wheel.expire(now);
  CAF_CHECK_EQUAL(timer.fired, 0);
  wheel.expire(start + 75s);
  CAF_CHECK_EQUAL(timer.fired, 1);
}

CAF_TEST(the_next_due_time_is_never_late) {
  probe timer;
  wheel.arm(timer, start + 75s);
  auto now = start;
  while (timer.fired == 0) {
    CAF_REQUIRE(wheel.next_due());
    CAF_REQUIRE(*wheel.next_due() > now);
    now = *wheel.next_due();
    CAF_REQUIRE(now <= start + 75s);
    wheel.expire(now);
  }
  CAF_CHECK(now == start + 75s);
}

CAF_TEST(a_long_pause_fires_all_that_is_due) {
  std::vector<std::unique_ptr<probe>> timers;
  for (int i = 0; i < 3000; ++i) {
    timers.push_back(std::make_unique<probe>());
    wheel.arm(*timers.back(), start + i * 10ms);
  }
  probe later;
  wheel.arm(later, start + 1h);
  wheel.expire(start + 30min);
  for (const auto& timer : timers)
    CAF_REQUIRE_EQUAL(timer->fired, 1);
  CAF_CHECK_EQUAL(later.fired, 0);
}

CAF_TEST(arming_again_replaces_the_due_time) {
  probe timer;
  wheel.arm(timer, start + 20ms);
  wheel.arm(timer, start + 1s);
  wheel.expire(start + 500ms);
  CAF_CHECK_EQUAL(timer.fired, 0);
  wheel.expire(start + 1s);
  CAF_CHECK_EQUAL(timer.fired, 1);
}

CAF_TEST(disarming_and_destroying_keep_a_timer_from_firing) {
  probe disarmed;
  wheel.arm(disarmed, start + 20ms);
  {
    probe destroyed;
    wheel.arm(destroyed, start + 20ms);
  }
  wheel.disarm(disarmed);
  CAF_CHECK(!wheel.next_due());
  wheel.expire(start + 1s);
  CAF_CHECK_EQUAL(disarmed.fired, 0);
}

CAF_TEST(a_handler_may_destroy_itself_and_others) {
  std::vector<std::unique_ptr<probe>> timers;
  int fired = 0;
  for (int i = 0; i < 10; ++i) {
    timers.push_back(std::make_unique<probe>());
    timers.back()->action = [&] {
      ++fired;
      auto dying = std::move(timers);
    };
    wheel.arm(*timers.back(), start + 10ms);
  }
  wheel.expire(start + 10ms);
  CAF_CHECK_EQUAL(fired, 1);
  CAF_CHECK(!wheel.next_due());
}

CAF_TEST(a_timer_armed_by_a_handler_fires_in_a_later_call) {
  probe timer;
  timer.action = [&] { wheel.arm(timer, start); };
  wheel.arm(timer, start + 10ms);
  wheel.expire(start + 1s);
  CAF_CHECK_EQUAL(timer.fired, 1);
  wheel.expire(start + 1s + 10ms);
  CAF_CHECK_EQUAL(timer.fired, 2);
}

CAF_TEST_FIXTURE_SCOPE_END()
