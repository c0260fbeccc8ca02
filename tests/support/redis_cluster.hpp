/// A real Redis Cluster of a test's own, and the faults it can have.
#pragma once

#include "tests/support/fault_gate.hpp"
#include "tests/support/redis_server.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace status2::support {

/// Nodes 0, 1 and 2 are masters of a third of the slots each at the start, 3,
/// 4 and 5 their replicas. A node that does not answer for 1.5 s is taken for
/// down. Blocks: the constructor until every node serves. Thread: one.
class redis_cluster {
 public:
  static constexpr std::size_t size = 6;
  static constexpr std::size_t master_count = 3;

  redis_cluster();

  /// For STATUS_REDIS_URL, with all nodes in order.
  std::string url() const;
  redis_server& node(std::size_t index) { return *nodes_.at(index).server; }

  // Faults.
  void kill(std::size_t index);
  /// Starts a node that was killed.
  void start(std::size_t index);
  void freeze(std::size_t index);
  void thaw(std::size_t index);
  /// Cuts the node off from all other nodes, and not from clients; replicas
  /// go on reading from their masters.
  void isolate(std::size_t index);
  void rejoin(std::size_t index);
  /// CLUSTER FAILOVER on a replica: it becomes the master, in order. Returns
  /// whether it has; until then this is to be called again, because the
  /// replica gives up after 5 s if the others are too busy to vote.
  bool fails_over(std::size_t replica);
  /// Hands an empty slot over to another master, as a resharding does:
  /// IMPORTING and MIGRATING, then NODE on its new owner, its old one and all
  /// others.
  void move_slot(std::uint16_t slot, std::size_t to);

  // Queries; nodes that are killed, frozen or isolated are not asked.
  static std::uint16_t slot_of(std::string_view channel);
  /// The node that owns the slot, in the view of the node asked. Errors: throws
  /// if no node can be asked.
  std::size_t owner(std::uint16_t slot);
  /// Waits until every node that can be asked sees each slot owned by one of
  /// them, all see the same owners, and CLUSTER INFO says ok.
  bool serves(std::chrono::nanoseconds deadline = std::chrono::seconds{30});
  /// `cluster_state` of a node is ok.
  bool state_ok(std::size_t index);
  /// `index` is a replica and in step with its master.
  bool replicates(std::size_t index);

  /// PUBSUB NUMSUB and PUBSUB SHARDNUMSUB of one channel at a node; 0 if the
  /// node is not asked.
  std::int64_t subscribers(std::size_t index, const std::string& channel);
  std::int64_t sharded_subscribers(std::size_t index,
                                   const std::string& channel);

  /// The first node with a subscriber to `channel` by SUBSCRIBE, or `size`.
  std::size_t subscribed_node(const std::string& channel);

  /// PUBLISH on a node that can be asked; on the same one as long as it can.
  /// Errors: throws if the node does not answer within 1 s.
  void publish(const std::string& channel, const std::string& payload);
  /// The node that publish() begins with.
  void publish_on(std::size_t index) { publisher_ = index; }
  /// SPUBLISH on the owner of the channel's slot, following MOVED. Errors:
  /// throws if the owner cannot be asked, or does not answer within 1 s.
  void publish_sharded(const std::string& channel, const std::string& payload);

 private:
  struct member {
    std::unique_ptr<redis_server> server;
    std::unique_ptr<fault_gate> bus;  ///< the only way to its cluster bus
    std::string id;
    bool frozen = false;
    bool isolated = false;
    std::unique_ptr<redis_client> publisher;
  };
  void start_node(std::size_t index);
  void join_all();
  bool usable(std::size_t index);
  std::size_t any_usable();
  std::size_t node_on(std::uint16_t port) const;
  std::int64_t counted(std::size_t index, const std::string& what,
                       const std::string& channel);
  redis_reply ask(std::size_t index, const std::vector<std::string>& words);
  /// Over a connection kept for publishing; gone after an error.
  redis_reply tell(std::size_t index, const std::vector<std::string>& words);
  /// The owner of each range of slots by its first slot, as `index` sees it.
  std::map<std::uint16_t, std::size_t> owners_seen_by(std::size_t index);

  std::array<member, size> nodes_;
  std::size_t publisher_ = size - 1;
  std::chrono::steady_clock::time_point failover_asked_;
  std::map<std::uint16_t, std::size_t> owners_;  ///< as publish_sharded knows
};

}  // namespace status2::support
