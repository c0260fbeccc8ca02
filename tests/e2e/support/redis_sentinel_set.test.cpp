// The tests' own tools: Redis under Sentinel and its faults.
#include "tests/support/redis_sentinel_set.hpp"

#include "tests/support/eventually.hpp"

#include <caf/test/unit_test.hpp>

#include <stdexcept>
#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

/// A subscriber to the channel `run:a` of the server on `port`.
redis_client subscribed(std::uint16_t port, const std::string& password = {}) {
  redis_client subscriber(port, password);
  subscriber.command({"SUBSCRIBE", "run:a"});
  return subscriber;
}

/// What a subscriber gets next, or empty; PING comes back behind messages.
std::string next_payload(redis_client& subscriber) {
  const auto pushed = subscriber.command({"PING"});
  if (pushed.items.size() != 3) return {};
  subscriber.next();  // the answer to PING
  return pushed.items[2].text;
}

bool publishes(redis_sentinel_set& set) {
  try {
    set.publish("run:a", "new");
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

/// Ends with recovery: the old master is back, as the replica.
void check_recovery(redis_sentinel_set& set, std::uint16_t before) {
  CAF_CHECK(eventually(30s, [&] { return set.complete(); }));
  CAF_CHECK(set.master_port() != before);
  CAF_CHECK_EQUAL(set.replica().port(), before);
  auto subscriber = subscribed(set.master_port());
  set.publish("run:a", "last");
  CAF_CHECK_EQUAL(next_payload(subscriber), "last");
}

}  // namespace

CAF_TEST(a_killed_master_is_replaced_and_returns_as_the_replica) {
  redis_sentinel_set set;
  const auto before = set.master_port();
  auto& old = set.master();
  CAF_CHECK_EQUAL(set.url().find("redis-sentinel://127.0.0.1:"), 0u);
  CAF_CHECK(set.url().ends_with("/mymaster/2"));
  auto subscriber = subscribed(before);
  set.publish("run:a", "first");
  CAF_CHECK_EQUAL(next_payload(subscriber), "first");
  old.kill();
  CAF_CHECK(!publishes(set));
  CAF_REQUIRE(set.fails_over(before));
  CAF_CHECK(publishes(set));
  old.start();
  check_recovery(set, before);
}

CAF_TEST(a_frozen_master_is_replaced_and_does_later_what_it_was_told) {
  redis_sentinel_set set;
  const auto before = set.master_port();
  auto& old = set.master();
  auto subscriber = subscribed(before);
  old.freeze();
  CAF_CHECK(!publishes(set));
  CAF_REQUIRE(set.fails_over(before));
  CAF_CHECK(publishes(set));
  old.thaw();
  // Not next_payload(): Redis may answer a PING before it has read what another
  // connection sent earlier.
  const auto pushed = subscriber.next();
  CAF_CHECK_EQUAL(pushed.items.at(2).text, "new");
  check_recovery(set, before);
}

CAF_TEST(a_planned_failover_swaps_master_and_replica) {
  redis_sentinel_set set;
  const auto before = set.master_port();
  set.fail_over();
  CAF_REQUIRE(set.fails_over(before));
  check_recovery(set, before);
}

CAF_TEST(two_sentinels_suffice_and_a_third_catches_up) {
  redis_sentinel_set set;
  const auto before = set.master_port();
  auto& old = set.master();
  set.sentinel(0).kill();
  old.kill();
  CAF_REQUIRE(set.fails_over(before));
  CAF_CHECK(publishes(set));
  old.start();
  set.start_sentinel(0);
  check_recovery(set, before);
}

CAF_TEST(servers_and_sentinels_have_passwords_of_their_own) {
  redis_sentinel_set set({.password = "inner", .sentinel_password = "outer"});
  const auto refused = [](std::uint16_t port, const std::string& password) {
    redis_client client(port);
    return client.command({"PING"}).error &&
           client.command({"AUTH", password}).error;
  };
  const auto before = set.master_port();
  CAF_CHECK(refused(before, "outer"));
  CAF_CHECK(refused(set.replica().port(), "outer"));
  for (std::size_t i = 0; i < redis_sentinel_set::sentinel_count; ++i)
    CAF_CHECK(refused(set.sentinel(i).port(), "inner"));
  auto& old = set.master();
  old.kill();
  CAF_REQUIRE(set.fails_over(before));
  auto subscriber = subscribed(set.master_port(), "inner");
  set.publish("run:a", "behind passwords");
  CAF_CHECK_EQUAL(next_payload(subscriber), "behind passwords");
  old.start();
  CAF_CHECK(eventually(30s, [&] { return set.complete(); }));
}
