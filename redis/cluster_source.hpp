/// Finds nodes of a Redis Cluster. Classic PUBLISH reaches every node, so any
/// node that does not fail serves; for sharded Pub/Sub it reads the topology.
#pragma once

#include "redis/cluster_topology.hpp"
#include "redis/cluster_view.hpp"
#include "redis/endpoint_source.hpp"
#include "redis/query_client.hpp"
#include "redis/query_round.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace status2::redis {

/// Thread: that of its loop, all members and all callbacks.
class cluster_map {
 public:
  virtual ~cluster_map() = default;

  using mapped = std::function<void(const cluster_topology& topology,
                                    const std::string& error)>;
  /// Reads the topology from a node that knows it, and calls `done` once, not
  /// from inside this call: with the topology, or with an empty one and the
  /// reason. A node that has lost the majority is believed only if no other
  /// node answers.
  virtual void topology(mapped done) = 0;
};

struct cluster_settings {
  std::vector<endpoint> seeds{};  ///< not empty
  std::string user{};             ///< empty: the default user
  std::string password{};
  std::shared_ptr<tls_context> tls{};  ///< null: plain bytes
  /// For the answer of one node.
  std::chrono::nanoseconds timeout{std::chrono::milliseconds{300}};
  /// Between two questions to the node that fit() named.
  std::chrono::nanoseconds interval{std::chrono::seconds{1}};
  /// Between two readings of the topology.
  std::chrono::nanoseconds refresh{std::chrono::seconds{30}};
};

/// After fit() it asks that node every second whether it has lost the
/// majority, and some node every 30 s for the topology; a node that is lost or
/// does not serve makes it read the topology too. Owned by a shared_ptr.
class cluster_source final
    : public endpoint_source,
      public cluster_map,
      public std::enable_shared_from_this<cluster_source> {
 public:
  cluster_source(boost::asio::io_context& loop, cluster_settings settings);

  /// All nodes that are known, the one that served last or failed last at the
  /// end.
  void locate(located done) override;
  bool unfit(const endpoint& where) override;
  void fit(const endpoint& where) override;
  void stop() override;

  void topology(mapped done) override;

  /// In the order in which locate() gives them.
  const std::vector<endpoint>& nodes() const { return view_.order(); }

 private:
  using clock = std::chrono::steady_clock;

  query_settings for_nodes() const;
  void read();
  void ask();
  std::string judge(const endpoint& who, const std::vector<answer>& answers);
  void on_round(const std::string& error);
  void refresh_in_time();
  void watch();
  void on_tick();
  void on_info(const std::vector<answer>& answers, clock::time_point asked_at);
  void note_timeout(const answer& setting);

  boost::asio::io_context& loop_;
  const cluster_settings settings_;
  cluster_view view_;
  std::size_t unfit_in_a_row_ = 0;
  query_round round_;
  std::vector<mapped> waiting_;           ///< for the end of the round
  bool knows_shards_ = true;              ///< false: Redis before 7.0
  bool shards_refused_ = false;           ///< in the round under way
  std::optional<cluster_topology> read_;  ///< in the round under way
  std::size_t stops_ = 0;                 ///< calls of stop()
  boost::asio::steady_timer refresh_;
  boost::asio::steady_timer tick_;
  std::optional<endpoint> watched_;  ///< where fit() was told, until it fails
  std::unique_ptr<query_client> watcher_;
  clock::time_point sound_at_{};  ///< when it had the majority for sure
  /// Of the watched node; Redis's default if the user may not ask for it.
  std::chrono::milliseconds node_timeout_{15000};
  std::uint64_t newest_epoch_ = 0;  ///< of the cluster
};

}  // namespace status2::redis
