#include "redis/attempt_pace.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

struct fixture {
  attempt_pace pace{{1s, 30s}, 50ms, [this] { return chance; }};
  double chance = 0.5;
  attempt_pace::time_point now{1h};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(attempt_pace_tests, fixture)

CAF_TEST(refusals_count_and_wait_by_the_backoff) {
  CAF_CHECK_EQUAL(pace.refused(now).count, 1u);
  const auto second = pace.refused(now);
  CAF_CHECK_EQUAL(second.count, 2u);
  CAF_CHECK(second.wait == 2500ms);
  pace.forget();
  CAF_CHECK_EQUAL(pace.refused(now).count, 1u);
}

CAF_TEST(without_an_answer_one_failure_counts_per_wait_of_the_backoff) {
  CAF_CHECK(pace.unanswered(now).value().count == 1);
  CAF_CHECK(!pace.unanswered(now + 1499ms));
  CAF_CHECK(pace.unanswered(now + 1500ms).value().count == 2);
  // A refusal counts, and its wait as well.
  CAF_CHECK_EQUAL(pace.refused(now + 2s).count, 3u);
  CAF_CHECK(!pace.unanswered(now + 2s));
}

CAF_TEST(knocks_come_every_50_ms_give_or_take_a_fifth) {
  for (const auto& [drawn, wait] :
       {std::pair{0.0, 40ms}, {0.5, 50ms}, {1.0, 60ms}}) {
    chance = drawn;
    pace.begun(now);
    CAF_CHECK(pace.next_knock(now) == now + wait);
  }
  // After a long attempt the next one begins at once.
  CAF_CHECK(pace.next_knock(now + 1s) == now + 1s);
}

CAF_TEST(a_lost_connection_comes_back_at_once_unless_many_are_lost) {
  for (int i = 0; i < 20; ++i, now += 400ms) {
    pace.begun(now - 100ms);
    CAF_CHECK(pace.after_loss(now) == now);
  }
  CAF_CHECK(pace.after_loss(now) == now + 1500ms);
  CAF_CHECK(pace.after_loss(now) == now + 2500ms);
  // After a quiet time losses are forgiven again.
  now += 10s;
  CAF_CHECK(pace.after_loss(now) == now);
}

CAF_TEST_FIXTURE_SCOPE_END()
