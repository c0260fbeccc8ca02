// Tickets are used once, for 30 s, and are bounded.
#include "transport/ticket_store.hpp"

#include <caf/test/unit_test.hpp>

#include <set>
#include <string>

using namespace status2::transport;
using namespace std::chrono_literals;

namespace {

const ticket_store::time_point start{};

token_claims claims_for(std::string pattern) {
  token_claims claims;
  claims.channels.push_back(std::move(pattern));
  return claims;
}

}  // namespace

CAF_TEST(a_ticket_stands_for_its_claims_once) {
  ticket_store store;
  const auto ticket = store.add(claims_for("run:*"), start);
  CAF_REQUIRE(ticket);
  CAF_CHECK_EQUAL(ticket->size(), 43u);
  CAF_CHECK(!store.take("x", start));
  CAF_CHECK(!store.take("", start));
  const auto claims = store.take(*ticket, start);
  CAF_REQUIRE(claims);
  CAF_CHECK(claims->opens("run:log"));
  CAF_CHECK(!store.take(*ticket, start));
  CAF_CHECK_EQUAL(store.size(), 0u);
  CAF_CHECK_EQUAL(store.bytes(), 0u);
}

CAF_TEST(a_ticket_is_good_for_30_s) {
  ticket_store store;
  const auto in_time = store.add({}, start);
  const auto too_late = store.add({}, start);
  CAF_CHECK(store.take(*in_time, start + 30s - 1ns));
  CAF_CHECK(!store.take(*too_late, start + 30s));
  CAF_CHECK_EQUAL(store.size(), 0u);
}

CAF_TEST(no_two_tickets_are_alike) {
  ticket_store store;
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i)
    CAF_CHECK(all.insert(*store.add({}, start)).second);
}

CAF_TEST(tickets_are_bounded_in_number) {
  ticket_store store(2);
  const auto first = store.add({}, start);
  CAF_CHECK(store.add({}, start + 10s));
  CAF_CHECK(!store.add({}, start + 20s));
  CAF_CHECK(store.take(*first, start + 20s));
  CAF_CHECK(store.add({}, start + 20s));
  CAF_CHECK(!store.add({}, start + 20s));
  // Those that are too old make room by themselves.
  CAF_CHECK(store.add({}, start + 40s));
  CAF_CHECK_EQUAL(store.size(), 2u);
}

CAF_TEST(tickets_are_bounded_in_bytes) {
  ticket_store store(1000, 5000);
  CAF_CHECK(store.add(claims_for(std::string(4000, 'x')), start));
  CAF_CHECK(!store.add(claims_for(std::string(4000, 'x')), start));
  CAF_CHECK(store.add(claims_for("run:*"), start));
  store.expire(start + 30s);
  CAF_CHECK_EQUAL(store.bytes(), 0u);
}
