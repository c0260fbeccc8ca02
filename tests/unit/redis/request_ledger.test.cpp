#include "redis/request_ledger.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

using kind = request_ledger::kind;
using outcome = request_ledger::outcome;

const request_ledger::time_point start{1h};

/// A ledger whose channel `a` Redis has subscribed.
request_ledger subscribed_to_a() {
  request_ledger ledger;
  ledger.subscribe({"a"}, start);
  ledger.answered(kind::subscribe, "a");
  return ledger;
}

}  // namespace

CAF_TEST(a_request_is_answered_channel_by_channel) {
  request_ledger ledger;
  ledger.subscribe({"a", "b"}, start);
  CAF_CHECK(ledger.answered(kind::subscribe, "a") == outcome::subscribed);
  CAF_CHECK(ledger.awaits(kind::subscribe));
  CAF_CHECK(ledger.answered_sent() == request_ledger::time_point{});
  CAF_CHECK(ledger.answered(kind::subscribe, "b") == outcome::subscribed);
  CAF_CHECK(ledger.empty());
  CAF_CHECK(!ledger.awaits(kind::subscribe));
  CAF_CHECK(ledger.answered_sent() == start);
  CAF_CHECK_EQUAL(ledger.subscribed_count(), 2u);
}

CAF_TEST(the_last_request_for_a_channel_decides) {
  auto ledger = subscribed_to_a();
  CAF_CHECK(ledger.unsubscribe("a", start));
  ledger.subscribe({"a"}, start);
  CAF_CHECK(!ledger.subscribed("a"));
  CAF_CHECK(ledger.answered(kind::unsubscribe, "a") == outcome::open);
  CAF_CHECK(ledger.answered(kind::subscribe, "a") == outcome::subscribed);
  CAF_CHECK(ledger.subscribed("a"));
  CAF_CHECK_EQUAL(ledger.subscribed_count(), 1u);
}

CAF_TEST(a_channel_that_was_left_is_forgotten) {
  auto ledger = subscribed_to_a();
  ledger.unsubscribe("a", start);
  CAF_CHECK(ledger.answered(kind::unsubscribe, "a") == outcome::unsubscribed);
  CAF_CHECK_EQUAL(ledger.subscribed_count(), 0u);
  CAF_CHECK(!ledger.unsubscribe("a", start));
}

CAF_TEST(an_unsubscribe_that_nobody_requested_comes_from_redis) {
  auto ledger = subscribed_to_a();
  ledger.ping(start);
  CAF_CHECK(ledger.answered(kind::unsubscribe, "a") == outcome::dropped);
  CAF_CHECK(!ledger.subscribed("a"));
  CAF_CHECK(ledger.awaits(kind::ping));
}

CAF_TEST(an_error_answers_the_oldest_request_whole) {
  auto ledger = subscribed_to_a();
  ledger.subscribe({"b", "c"}, start + 1s);
  ledger.ping(start + 2s);
  const auto refused = ledger.refused();
  CAF_REQUIRE(refused);
  CAF_CHECK(refused->what == kind::subscribe);
  CAF_CHECK_EQUAL(refused->channels, (std::vector<std::string>{"b", "c"}));
  CAF_CHECK(ledger.subscribed("a"));
  CAF_CHECK(!ledger.unsubscribe("b", start));
  CAF_CHECK(ledger.oldest_sent() == start + 2s);
  ledger.ponged();
  CAF_CHECK(ledger.empty());
  CAF_CHECK(!ledger.refused());
}

CAF_TEST(a_channel_keeps_its_subscription_when_its_unsubscribe_is_refused) {
  auto ledger = subscribed_to_a();
  ledger.unsubscribe("a", start);
  CAF_CHECK(ledger.refused()->what == kind::unsubscribe);
  CAF_CHECK(ledger.subscribed("a"));
}

CAF_TEST(answers_that_fit_no_request_change_nothing) {
  request_ledger ledger;
  ledger.ponged();
  CAF_CHECK(ledger.answered(kind::subscribe, "x") == outcome::open);
  CAF_CHECK(ledger.answered(kind::unsubscribe, "") == outcome::open);
  CAF_CHECK(ledger.empty());
  CAF_CHECK_EQUAL(ledger.subscribed_count(), 0u);
}
