// Redis Cluster with SPUBLISH: a channel is heard at the owner of its slot
// only, and followed when the slot gets another owner.
#include "tests/support/eventually.hpp"
#include "tests/support/load_trial.hpp"
#include "tests/support/redis_cluster.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

/// Two channels of different slots for each master of the start.
std::vector<std::string> spread_channels() {
  std::vector<std::string> channels;
  for (std::size_t master = 0; master < redis_cluster::master_count; ++master)
    for (int i = 0, found = 0; found < 2; ++i) {
      auto channel = "sh:" + std::to_string(i);
      if (redis_cluster::slot_of(channel) * redis_cluster::master_count /
              16384 !=
          master)
        continue;
      channels.push_back(std::move(channel));
      ++found;
    }
  return channels;
}

/// A broker under load with a link to each master of a cluster.
struct sharded {
  sharded()
      : channels(spread_channels()),
        broker(cluster.url(),
               {.variables = {{"STATUS_REDIS_SHARDED", "true"},
                              {"STATUS_REDIS_REQUEST_TIMEOUT", "500ms"}}}),
        load(
            broker,
            [this](const auto& channel, const auto& payload) {
              cluster.publish_sharded(channel, payload);
            },
            channels) {
    load.publish_for(1s);
  }

  std::size_t owner_of(const std::string& channel) {
    return cluster.owner(redis_cluster::slot_of(channel));
  }

  /// Each channel is subscribed to once, at the owner of its slot.
  bool follows_all() {
    return std::all_of(
        channels.begin(), channels.end(), [this](const auto& channel) {
          return cluster.sharded_subscribers(owner_of(channel), channel) == 1;
        });
  }

  /// Publishes until the replica has taken over from `old` and all is well.
  void check_takeover(std::size_t old, std::size_t replica) {
    const auto& channel = channels[old * 2];
    CAF_REQUIRE(load.publish_until([&] {
      return cluster.serves(0s) && owner_of(channel) == replica &&
             follows_all();
    }));
  }

  redis_cluster cluster;
  const std::vector<std::string> channels;
  broker_process broker;
  load_trial load;
};

}  // namespace

CAF_TEST(channels_of_all_slots_are_served_by_the_owners_of_their_slots) {
  sharded s;
  CAF_CHECK(s.follows_all());
  for (std::size_t i = 0; i < s.channels.size(); ++i)
    CAF_CHECK_EQUAL(s.owner_of(s.channels[i]), i / 2);
  const auto report = s.load.judge();
  CAF_CHECK_EQUAL(report.lost_told, 0u);
  CAF_CHECK_EQUAL(report.gaps, 0u);
}

CAF_TEST(a_killed_node_is_replaced_by_its_replica) {
  sharded s;
  s.cluster.kill(0);
  s.check_takeover(0, 3);
  s.cluster.start(0);
  CAF_CHECK(s.load.publish_until([&] { return s.cluster.replicates(0); }));
  CAF_CHECK(s.load.publish_until([&] { return s.follows_all(); }));
  // Those of its two channels, at least.
  CAF_CHECK(s.load.judge().gaps >=
            load_trial::viewer_count / redis_cluster::master_count);
}

CAF_TEST(a_hung_node_is_left_and_never_heard_again) {
  sharded s;
  CAF_REQUIRE(s.load.settles());
  s.cluster.freeze(1);
  s.check_takeover(1, 4);
  s.load.publish_for(1s);
  // It publishes late what it was sent while it hung.
  s.cluster.thaw(1);
  CAF_CHECK(s.load.publish_until([&] { return s.cluster.replicates(1); }));
  CAF_CHECK(s.load.publish_until([&] { return s.follows_all(); }));
  CAF_CHECK_EQUAL(s.cluster.sharded_subscribers(1, s.channels[2]), 0);
  CAF_CHECK(s.load.judge().gaps >=
            load_trial::viewer_count / redis_cluster::master_count);
}

CAF_TEST(a_planned_failover_is_followed) {
  sharded s;
  CAF_REQUIRE(s.load.publish_until([&] { return s.cluster.fails_over(5); }));
  s.check_takeover(2, 5);
  CAF_CHECK(s.load.publish_until([&] { return s.cluster.replicates(2); }));
  s.load.judge();
}

CAF_TEST(a_slot_that_moves_under_load_is_followed_there_and_back) {
  sharded s;
  const auto& channel = s.channels[0];
  const auto slot = redis_cluster::slot_of(channel);
  for (const std::size_t to : {1U, 2U, 0U}) {
    s.cluster.move_slot(slot, to);
    CAF_REQUIRE(s.load.publish_until(
        [&] { return s.owner_of(channel) == to && s.follows_all(); }));
    s.load.publish_for(300ms);
  }
  s.load.judge();
}
