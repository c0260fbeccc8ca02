/// Which node of a Redis Cluster serves which slots, read from the answers of
/// a node. Pure.
#pragma once

#include "redis/answer.hpp"
#include "redis/endpoint.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

constexpr std::uint16_t cluster_slots = 16384;

/// The slot of a key or of a sharded channel: CRC16 of the part in the first
/// braces if that is not empty, of the whole otherwise.
/// Source: https://redis.io/docs/reference/cluster-spec/, hash tags
std::uint16_t key_slot(std::string_view key);

struct slot_range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  ///< included
  endpoint master{};

  bool operator==(const slot_range&) const = default;
};

struct cluster_topology {
  std::vector<slot_range> ranges;  ///< by slot, none overlaps another
  /// Nodes that do not fail, each once, in the order of the answer.
  std::vector<endpoint> nodes;

  /// Null if no master serves `slot`.
  const endpoint* master_of(std::uint16_t slot) const;
  /// Each master that serves slots, once.
  std::vector<endpoint> masters() const;

  bool operator==(const cluster_topology&) const = default;
};

/// Either a topology or the reason why the answer is not one.
struct topology_result {
  std::optional<cluster_topology> value;
  std::string problem;
};

/// Reads the answer to CLUSTER SHARDS (Redis 7.0) of the node at `asked`. `tls`
/// chooses between the two ports of a node. A shard without a master leaves
/// its slots without a range.
/// Errors: topology_result::problem, also for an error of Redis.
/// Limits: 4096 nodes.
topology_result read_shards(const answer& from, const endpoint& asked,
                            bool tls);

/// Reads the answer to CLUSTER SLOTS, for Redis before 7.0. It names the port
/// that fits the connection on which it was asked.
/// Errors, limits: as read_shards().
topology_result read_slots(const answer& from, const endpoint& asked);

/// Whether `info`, the text of CLUSTER INFO, is that of a node which the
/// majority of masters does not reach: its subscribers hear nothing.
/// `cluster_state:fail` alone does not say so: during a failover every node
/// reports it until the lost slots are served again, while PUBLISH still
/// reaches all nodes. The majority declares a lost master failed; a node
/// without the majority only suspects it (`cluster_slots_pfail`), or knows no
/// slots.
bool lost_majority(std::string_view info);

/// The epoch that CLUSTER INFO names; each failover raises it. 0 without one.
std::uint64_t current_epoch(std::string_view info);

}  // namespace status2::redis
