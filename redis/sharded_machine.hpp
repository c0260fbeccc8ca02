/// The decisions of the Redis link for a cluster with sharded Pub/Sub: one
/// subscription machine per master, each with the channels of its slots. Pure.
///
/// The topology is read at the start, every 30 s, and at once when a node says
/// that a slot is elsewhere (MOVED, an unsubscription that nobody requested) or
/// is lost. A channel whose slot has moved is subscribed at the new node; it
/// may have missed messages since the last read of the old one.
#pragma once

#include "redis/link_machine.hpp"
#include "redis/subscription_machine.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace status2::redis {

class sharded_machine final : public link_machine {
 public:
  /// See subscription_machine.
  sharded_machine(machine_settings settings, std::function<double()> chance,
                  std::function<std::size_t(const std::string&)> weight = {});

  actions start(time_point now) override;
  actions want(const std::vector<std::string>& channels,
               time_point now) override;
  actions unwant(const std::string& channel, time_point now) override;
  actions opened(link_id link, time_point now) override;
  actions unanswered(link_id link, const std::string& error,
                     time_point now) override;
  actions read(link_id link, reply_batch& batch, time_point now,
               bool& serve) override;
  actions closed(link_id link, const std::string& error, failure_kind kind,
                 time_point now) override;
  actions moved(const std::string& why, std::optional<time_point> since,
                time_point now) override;
  actions mapped(const cluster_topology& topology, const std::string& error,
                 time_point now) override;
  actions tick(time_point now) override;
  time_point next_tick() const override;

  bool live(const std::string& channel) const override;
  time_point complete_until() const override;
  std::size_t refused_count() const override;
  std::size_t node_count() const { return nodes_.size(); }

 private:
  struct node {
    endpoint where;
    std::uint64_t number;  ///< the upper half of its connections' ids
    subscription_machine machine;
    bool established = false;
  };
  using node_map = std::map<endpoint, node>;

  node* node_of(link_id id);
  /// Actions of `from` with ids of this machine; notes what they mean for the
  /// whole.
  void take(node& from, actions&& demanded, time_point now, actions& out);
  /// Runs `event` on the node of `link`.
  template <class Event>
  actions pass(link_id link, time_point now, Event event);
  void place(const std::vector<std::string>& channels, time_point now,
             actions& out);
  void withdraw(node& from, const std::string& channel, time_point now,
                actions& out);
  void add_nodes(const std::vector<endpoint>& masters, time_point now,
                 actions& out);
  void remove_nodes(const std::vector<endpoint>& masters, time_point now,
                    actions& out);
  /// The topology is read as soon as may be.
  void want_topology(time_point now);
  void check_established(actions& out);

  const machine_settings settings_;
  const std::function<double()> chance_;
  const std::function<std::size_t(const std::string&)> weight_;
  cluster_topology topology_;
  node_map nodes_;
  std::uint64_t next_number_ = 1;
  /// Wanted channels and where they are subscribed; null: nowhere yet.
  std::unordered_map<std::string, node*> channels_;
  time_point read_at_{};    ///< when the topology is read next
  time_point mapped_at_{};  ///< when it was read last
  time_point asked_at_{};   ///< when the reading under way began
  /// When the readings of the newest topology and of the one before began.
  time_point confirmed_at_{};
  time_point confirmed_before_{};
  bool reading_ = false;
  bool established_ = false;
  bool interrupted_ = false;
  std::uint32_t failures_ = 0;  ///< of reading the topology, in a row
};

}  // namespace status2::redis
