#include "redis/dial_schedule.hpp"

#include <caf/test/unit_test.hpp>

#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

using time_point = dial_schedule::time_point;

const time_point start{1h};
const time_point at_once{};

/// The middle of the jitter.
dial_schedule schedule(bool knocks, std::size_t addresses,
                       double chance = 0.5) {
  dial_schedule made({}, knocks, [chance] { return chance; });
  made.addresses(addresses);
  return made;
}

}  // namespace

CAF_TEST(without_addresses_nothing_is_due) {
  for (const bool knocks : {false, true})
    CAF_CHECK(!schedule(knocks, 0).due());
}

CAF_TEST(the_first_address_is_tried_at_once) {
  auto one = schedule(false, 2);
  CAF_CHECK(one.due() == at_once);
  CAF_CHECK_EQUAL(one.begin(start), 0u);
}

CAF_TEST(the_next_address_is_tried_250_ms_after_the_last_one) {
  auto one = schedule(false, 3);
  one.begin(start);
  CAF_CHECK(one.due() == start + 250ms);
  CAF_CHECK_EQUAL(one.begin(start + 300ms), 1u);
  CAF_CHECK(one.due() == start + 550ms);
}

CAF_TEST(a_refused_address_goes_on_to_the_next_at_once) {
  auto one = schedule(false, 2);
  one.begin(start);
  one.failed(true);
  CAF_CHECK(one.due() == at_once);
  CAF_CHECK_EQUAL(one.begin(start + 1ms), 1u);
}

CAF_TEST(an_earlier_attempt_that_fails_hurries_nothing) {
  auto one = schedule(false, 3);
  one.begin(start);
  one.begin(start + 250ms);
  one.failed(false);
  CAF_CHECK(one.due() == start + 500ms);
}

CAF_TEST(each_address_is_tried_once_without_knocking) {
  auto one = schedule(false, 2);
  one.begin(start);
  one.failed(true);
  CAF_CHECK(!one.round_complete());
  one.begin(start);
  CAF_CHECK(one.round_complete());
  one.failed(true);
  CAF_CHECK(!one.due());
}

CAF_TEST(a_knock_begins_the_next_round_50_ms_after_the_last_attempt) {
  auto one = schedule(true, 2);
  one.begin(start);
  one.failed(true);
  one.begin(start + 10ms);
  CAF_CHECK(one.due() == start + 60ms);
  // Neither a failure nor a hanging attempt changes that.
  one.failed(true);
  CAF_CHECK(one.due() == start + 60ms);
  CAF_CHECK_EQUAL(one.begin(start + 60ms), 0u);
}

CAF_TEST(a_knock_has_a_jitter_of_a_fifth) {
  const auto next = [](double chance) {
    auto one = schedule(true, 1, chance);
    one.begin(start);
    return *one.due() - start;
  };
  CAF_CHECK(next(0) == 40ms);
  CAF_CHECK(next(0.5) == 50ms);
  CAF_CHECK(next(0.999999) > 59ms);
  CAF_CHECK(next(0.999999) <= 60ms);
}

CAF_TEST(new_addresses_are_tried_from_the_first_at_once) {
  for (const bool knocks : {false, true}) {
    auto one = schedule(knocks, 2);
    one.begin(start);
    one.begin(start + 250ms);
    one.addresses(3);
    CAF_CHECK(!one.round_complete());
    CAF_CHECK(one.due() == at_once);
    CAF_CHECK_EQUAL(one.begin(start + 251ms), 0u);
  }
}

CAF_TEST(addresses_that_vanish_leave_nothing_to_do) {
  auto one = schedule(true, 2);
  one.begin(start);
  one.addresses(0);
  CAF_CHECK(!one.due());
}
