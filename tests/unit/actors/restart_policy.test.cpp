#include "actors/restart_policy.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>

using namespace status2::actors;
using namespace std::chrono_literals;

namespace {

const restart_history::time_point start{1h};

restart_policy policy() {
  return {.base = 10ms, .ceiling = 1s, .intensity = 5, .window = 10s};
}

}  // namespace

CAF_TEST(the_first_death_in_a_window_restarts_at_once) {
  restart_history history;
  auto decision = history.on_death(policy(), start, 0.5);
  CAF_CHECK_EQUAL(decision.delay.count(), 0);
  CAF_CHECK(!decision.intensity_exceeded);
}

CAF_TEST(further_deaths_double_the_delay_up_to_the_ceiling) {
  auto p = policy();
  p.intensity = 100;
  p.ceiling = 35ms;
  restart_history history;
  history.on_death(p, start, 1.0);
  CAF_CHECK(history.on_death(p, start, 1.0).delay == 10ms);
  CAF_CHECK(history.on_death(p, start, 1.0).delay == 20ms);
  CAF_CHECK(history.on_death(p, start, 1.0).delay == 35ms);
  CAF_CHECK(history.on_death(p, start, 1.0).delay == 35ms);
}

CAF_TEST(jitter_spreads_a_delay_over_its_upper_half) {
  for (double jitter : {0.0, 0.5, 0.99}) {
    restart_history history;
    history.on_death(policy(), start, jitter);
    auto delay = history.on_death(policy(), start, jitter).delay;
    CAF_CHECK(delay >= 5ms && delay <= 10ms);
  }
}

CAF_TEST(more_deaths_than_the_intensity_wait_the_ceiling) {
  restart_history history;
  for (int i = 0; i < 5; ++i)
    CAF_CHECK(!history.on_death(policy(), start, 0).intensity_exceeded);
  for (int i = 0; i < 3; ++i) {
    auto decision = history.on_death(policy(), start, 0);
    CAF_CHECK(decision.intensity_exceeded);
    CAF_CHECK(decision.delay == 1s);
  }
}

CAF_TEST(deaths_older_than_the_window_are_forgotten) {
  restart_history history;
  for (int i = 0; i < 5; ++i)
    history.on_death(policy(), start, 0);
  auto later = start + 10s;
  CAF_CHECK_EQUAL(history.recent(policy(), later), 0u);
  CAF_CHECK_EQUAL(history.on_death(policy(), later, 0).delay.count(), 0);
}

CAF_TEST(a_child_that_cannot_live_keeps_the_ceiling_however_long_it_takes) {
  restart_history history;
  for (int i = 0; i < 5; ++i)
    history.on_death(policy(), start, 0);
  // It dies at each restart; within a window there are fewer deaths than the
  // intensity allows.
  auto now = start;
  for (int i = 0; i < 20; ++i) {
    const auto decision = history.on_death(policy(), now, 0);
    CAF_CHECK(decision.intensity_exceeded);
    CAF_CHECK(decision.delay == 1s);
    now += decision.delay + 3s;
  }
}

CAF_TEST(a_child_that_lived_for_a_whole_window_starts_afresh) {
  restart_history history;
  for (int i = 0; i < 6; ++i)
    history.on_death(policy(), start, 0);
  const auto restarted = start + 1s;
  auto still = history;
  CAF_CHECK(still.on_death(policy(), restarted + 9s, 0).intensity_exceeded);
  const auto later = restarted + 10s;
  CAF_CHECK_EQUAL(history.on_death(policy(), later, 0).delay.count(), 0);
  CAF_CHECK(!history.on_death(policy(), later, 0).intensity_exceeded);
}
