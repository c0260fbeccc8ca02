// Redis Cluster with PUBLISH, which reaches every node: one link suffices, to a
// node that belongs to the majority.
#include "tests/support/eventually.hpp"
#include "tests/support/load_trial.hpp"
#include "tests/support/redis_cluster.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> channels{"cl:a", "cl:b", "cl:c", "cl:d"};

/// A broker under load with one link into a cluster. The producer publishes at
/// a node that no test kills: what a node has answered and not yet passed on
/// dies with it, and nobody can know.
struct clustered {
  clustered()
      : broker(cluster.url(),
               {.variables = {{"STATUS_REDIS_REQUEST_TIMEOUT", "500ms"}}}),
        load(
            broker,
            [this](const auto& channel, const auto& payload) {
              cluster.publish(channel, payload);
            },
            channels) {
    link = cluster.subscribed_node(channels.front());
    CAF_REQUIRE(link < redis_cluster::size);
    cluster.publish_on(link == 5 ? 4 : 5);
    load.publish_for(1s);
  }

  /// All channels are subscribed to at one node, another one than `before`
  /// and one of the majority.
  bool has_moved(std::size_t before) {
    const auto now = cluster.subscribed_node(channels.front());
    if (now == before || now == redis_cluster::size) return false;
    for (const auto& channel : channels)
      if (cluster.subscribers(now, channel) != 1) return false;
    return true;
  }

  /// Every node serves, those that were killed or cut off included.
  bool is_whole() {
    if (!cluster.serves(0s)) return false;
    std::size_t replicas = 0;
    for (std::size_t i = 0; i < redis_cluster::size; ++i)
      if (cluster.replicates(i)) ++replicas;
    return replicas == redis_cluster::size - redis_cluster::master_count;
  }

  redis_cluster cluster;
  broker_process broker;
  load_trial load;
  std::size_t link = redis_cluster::size;  ///< the node at the start
};

}  // namespace

CAF_TEST(a_link_whose_node_is_killed_moves_to_another_node) {
  clustered c;
  CAF_REQUIRE(c.load.settles());
  c.cluster.kill(c.link);
  CAF_REQUIRE(c.load.publish_until([&] { return c.has_moved(c.link); }));
  c.cluster.start(c.link);
  CAF_CHECK(c.load.publish_until([&] { return c.is_whole(); }));
  CAF_CHECK(c.load.judge().gaps >= load_trial::viewer_count);
}

CAF_TEST(a_node_that_has_lost_the_majority_is_left) {
  clustered c;
  // It goes on answering, and hears nothing of what others publish.
  c.cluster.isolate(c.link);
  CAF_REQUIRE(c.load.publish_until([&] { return c.has_moved(c.link); }));
  c.cluster.rejoin(c.link);
  CAF_CHECK(c.load.publish_until([&] { return c.is_whole(); }));
  const auto report = c.load.judge();
  CAF_CHECK(report.gaps >= load_trial::viewer_count);
  CAF_CHECK(report.lost_told > 0);
}

CAF_TEST(the_failover_of_another_master_costs_nothing) {
  clustered c;
  // Until the replica is promoted every node says that the cluster is down;
  // PUBLISH works all the same.
  const std::size_t other = c.link % redis_cluster::master_count == 0 ? 1 : 0;
  c.cluster.kill(other);
  CAF_REQUIRE(c.load.publish_until([&] { return c.cluster.serves(0s); }));
  c.cluster.start(other);
  CAF_CHECK(c.load.publish_until([&] { return c.is_whole(); }));
  const auto report = c.load.judge();
  CAF_CHECK_EQUAL(report.lost_told, 0u);
  CAF_CHECK_EQUAL(report.gaps, 0u);
}

CAF_TEST(a_cluster_without_a_majority_closes_nobody_and_comes_back) {
  clustered c;
  std::vector<std::size_t> killed;
  for (std::size_t i = 0; i < redis_cluster::master_count; ++i)
    if (i != c.link && killed.size() < 2) killed.push_back(i);
  for (const auto index : killed)
    c.cluster.kill(index);
  const auto survivor =
      c.link >= redis_cluster::master_count ? c.link : 3 + c.link;
  CAF_CHECK(
      c.load.publish_until([&] { return !c.cluster.state_ok(survivor); }));
  for (const auto index : killed)
    c.cluster.start(index);
  CAF_CHECK(c.load.publish_until([&] { return c.is_whole(); }));
  c.load.judge();
}
