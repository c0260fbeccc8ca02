// The tests' own tools: Redis Cluster and its faults.
#include "tests/support/redis_cluster.hpp"

#include "tests/support/eventually.hpp"

#include <caf/test/unit_test.hpp>

#include <stdexcept>
#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

/// A channel in a slot of the master `index`, as the slots are at the start.
std::string channel_of(std::size_t index) {
  for (int i = 0;; ++i) {
    const auto channel = "run:" + std::to_string(i);
    if (redis_cluster::slot_of(channel) * redis_cluster::master_count / 16384 ==
        index)
      return channel;
  }
}

/// What a subscriber gets next, or empty; PING comes back behind messages.
std::string next_payload(redis_client& subscriber) {
  const auto pushed = subscriber.command({"PING"});
  if (pushed.items.size() != 3) return {};
  subscriber.next();  // the answer to PING
  return pushed.items[2].text;
}

bool publishes(redis_cluster& cluster, const std::string& channel) {
  try {
    cluster.publish_sharded(channel, "new");
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

/// A message that is published from now on arrives at a node that runs, over
/// the bus.
void check_recovery(redis_cluster& cluster) {
  CAF_REQUIRE(cluster.serves());
  redis_client subscriber(cluster.node(0).port());
  subscriber.command({"SUBSCRIBE", "run:last"});
  CAF_CHECK_EQUAL(cluster.subscribed_node("run:last"), 0u);
  cluster.publish_on(4);
  CAF_CHECK(eventually(10s, [&] {
    cluster.publish("run:last", "last");
    return next_payload(subscriber) == "last";
  }));
}

}  // namespace

CAF_TEST(slots_are_what_redis_says_and_messages_reach_their_nodes) {
  redis_cluster cluster;
  CAF_CHECK_EQUAL(cluster.url().find("redis-cluster://127.0.0.1:"), 0u);
  for (const std::string channel :
       {"run:a", "x", "", "a{b}c", "a{}c", "a{b", "long-0123456789:status"}) {
    const auto said =
        cluster.node(1).client().command({"CLUSTER", "KEYSLOT", channel});
    CAF_CHECK_EQUAL(said.number, redis_cluster::slot_of(channel));
  }
  for (std::size_t i = 0; i < redis_cluster::master_count; ++i) {
    const auto channel = channel_of(i);
    CAF_CHECK_EQUAL(cluster.owner(redis_cluster::slot_of(channel)), i);
    redis_client subscriber(cluster.node(i).port());
    subscriber.command({"SSUBSCRIBE", channel});
    cluster.publish_sharded(channel, "to its shard");
    CAF_CHECK_EQUAL(next_payload(subscriber), "to its shard");
    CAF_CHECK_EQUAL(cluster.sharded_subscribers(i, channel), 1);
    CAF_CHECK_EQUAL(cluster.subscribed_node(channel), redis_cluster::size);
  }
  check_recovery(cluster);
}

CAF_TEST(a_killed_master_is_replaced_and_returns_as_a_replica) {
  redis_cluster cluster;
  const auto channel = channel_of(1);
  cluster.publish_sharded(channel, "first");
  cluster.kill(1);
  CAF_CHECK(!publishes(cluster, channel));
  CAF_REQUIRE(cluster.serves());
  CAF_CHECK_EQUAL(cluster.owner(redis_cluster::slot_of(channel)), 4u);
  redis_client subscriber(cluster.node(4).port());
  subscriber.command({"SSUBSCRIBE", channel});
  cluster.publish_sharded(channel, "second");
  CAF_CHECK_EQUAL(next_payload(subscriber), "second");
  cluster.start(1);
  CAF_CHECK(eventually(30s, [&] { return cluster.replicates(1); }));
  check_recovery(cluster);
}

CAF_TEST(a_frozen_master_is_replaced_and_learns_it_later) {
  redis_cluster cluster;
  const auto slot = redis_cluster::slot_of(channel_of(2));
  cluster.freeze(2);
  CAF_REQUIRE(cluster.serves());
  CAF_CHECK_EQUAL(cluster.owner(slot), 5u);
  cluster.thaw(2);
  CAF_CHECK(eventually(30s, [&] { return cluster.replicates(2); }));
  check_recovery(cluster);
}

CAF_TEST(a_planned_failover_swaps_master_and_replica) {
  redis_cluster cluster;
  const auto channel = channel_of(0);
  cluster.publish_sharded(channel, "before");
  CAF_REQUIRE(eventually(30s, [&] { return cluster.fails_over(3); }));
  CAF_REQUIRE(cluster.serves());
  CAF_CHECK_EQUAL(cluster.owner(redis_cluster::slot_of(channel)), 3u);
  // The old owner names the new one.
  cluster.publish_sharded(channel, "after");
  CAF_CHECK(eventually(30s, [&] { return cluster.replicates(0); }));
  check_recovery(cluster);
}

CAF_TEST(an_isolated_master_loses_its_slots_and_gives_them_up_when_back) {
  redis_cluster cluster;
  const auto slot = redis_cluster::slot_of(channel_of(0));
  redis_client subscriber(cluster.node(0).port());
  subscriber.command({"SUBSCRIBE", "run:a"});
  cluster.isolate(0);
  CAF_CHECK(eventually(30s, [&] { return !cluster.state_ok(0); }));
  CAF_REQUIRE(cluster.serves());
  CAF_CHECK_EQUAL(cluster.owner(slot), 3u);
  cluster.publish("run:a", "not for it");
  CAF_CHECK_EQUAL(next_payload(subscriber), "");
  cluster.rejoin(0);
  CAF_CHECK(eventually(30s, [&] { return cluster.replicates(0); }));
  check_recovery(cluster);
}

CAF_TEST(a_cluster_without_a_majority_comes_back) {
  redis_cluster cluster;
  cluster.kill(1);
  cluster.kill(2);
  CAF_CHECK(eventually(30s, [&] { return !cluster.state_ok(0); }));
  cluster.start(1);
  cluster.start(2);
  check_recovery(cluster);
}

CAF_TEST(a_slot_moves_and_its_subscribers_are_told) {
  redis_cluster cluster;
  const auto channel = channel_of(0);
  const auto slot = redis_cluster::slot_of(channel);
  redis_client subscriber(cluster.node(0).port());
  subscriber.command({"SSUBSCRIBE", channel});
  cluster.publish_sharded(channel, "before");
  CAF_CHECK_EQUAL(next_payload(subscriber), "before");
  cluster.move_slot(slot, 1);
  CAF_CHECK_EQUAL(cluster.owner(slot), 1u);
  const auto pushed = subscriber.next();
  CAF_REQUIRE_EQUAL(pushed.items.size(), 3u);
  CAF_CHECK_EQUAL(pushed.items[0].text, "sunsubscribe");
  CAF_CHECK_EQUAL(pushed.items[1].text, channel);
  redis_client moved(cluster.node(1).port());
  const auto subscribed = moved.command({"SSUBSCRIBE", channel});
  CAF_REQUIRE_EQUAL(subscribed.items.size(), 3u);
  CAF_CHECK_EQUAL(subscribed.items[2].number, 1);
  cluster.publish_sharded(channel, "after");
  CAF_CHECK_EQUAL(next_payload(moved), "after");
  check_recovery(cluster);
}
