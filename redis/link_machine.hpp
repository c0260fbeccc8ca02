/// What the Redis link's actor drives: the decisions for one Redis
/// (redis/subscription_machine.hpp) or for the nodes of a cluster with sharded
/// Pub/Sub (redis/sharded_machine.hpp). Events and the time come in, actions go
/// out; neither a socket nor a clock is in it.
#pragma once

#include "redis/cluster_topology.hpp"
#include "redis/failure_kind.hpp"
#include "redis/link_action.hpp"
#include "redis/reply_reader.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace status2::redis {

/// Thread: one. Each event returns the actions that it demands, in order.
class link_machine {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using actions = std::vector<action>;

  virtual ~link_machine() = default;

  /// The first event.
  virtual actions start(time_point now) = 0;
  /// These channels are wanted from now on: subscribed on every connection
  /// that is open, and on each that opens later.
  virtual actions want(const std::vector<std::string>& channels,
                       time_point now) = 0;
  /// The channel is wanted no longer: unsubscribed where a connection is open.
  virtual actions unwant(const std::string& channel, time_point now) = 0;
  /// The connection is connected and logged in.
  virtual actions opened(link_id link, time_point now) = 0;
  /// Nobody has answered the connection's attempt so far; it goes on.
  virtual actions unanswered(link_id link, const std::string& error,
                             time_point now) = 0;
  /// The connection read something. True in `serve`: its messages are for
  /// viewers; otherwise `batch` was kept or dropped and is empty now.
  virtual actions read(link_id link, reply_batch& batch, time_point now,
                       bool& serve) = 0;
  /// The connection has ended, or could not be opened.
  virtual actions closed(link_id link, const std::string& error,
                         failure_kind kind, time_point now) = 0;
  /// Redis is elsewhere now: connections are left and opened again. See
  /// endpoint_source::moved.
  virtual actions moved(const std::string& why, std::optional<time_point> since,
                        time_point now) = 0;
  /// The answer to action_kind::topology; or none, and why.
  virtual actions mapped(const cluster_topology& topology,
                         const std::string& error, time_point now) {
    return {};
  }
  /// Connections are to be opened with other settings from now on. A connection
  /// that serves stays until one that was opened with them takes over. Both
  /// subscribe `marker`, a channel of this change alone: the message of
  /// action_kind::mark comes on both if they lead to one Redis, and separates
  /// what the first serves from what the second does.
  virtual actions renew(const std::string& marker, time_point now) {
    return {};
  }
  /// The marker could not be published for now: the attempt failed.
  virtual actions unmarked(const std::string& error, time_point now) {
    return {};
  }
  /// No marker can be published for lack of rights. With `elsewhere`, the
  /// second connection leads to another address: it takes over with all that it
  /// has read. Else both lead to one Redis, and the first stays; returns
  /// action_kind::renewed without a link, as the settings have proved right.
  virtual actions without_marker(bool elsewhere, time_point now) { return {}; }
  /// Does what is due: liveness PINGs, requests without an answer, the next
  /// attempt, channels that Redis refused.
  virtual actions tick(time_point now) = 0;
  /// When tick() has to run next.
  virtual time_point next_tick() const = 0;

  /// Acknowledged on the serving connection, and not on its way out.
  virtual bool live(const std::string& channel) const = 0;
  /// Every message that Redis published before this time, in a channel that is
  /// live, was in a batch that read() has served. The epoch if that is unknown.
  virtual time_point complete_until() const = 0;
  /// Wanted channels that Redis refuses to subscribe.
  virtual std::size_t refused_count() const = 0;
};

}  // namespace status2::redis
