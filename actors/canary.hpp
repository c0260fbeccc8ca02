/// The canary actor proves delivery: it publishes to a channel of the broker's
/// own through Redis and waits for the message to come back on the Redis link.
#pragma once

#include "actors/counters.hpp"
#include "actors/messages.hpp"
#include "actors/supervisor.hpp"
#include "redis/connection.hpp"

#include <boost/asio/io_context.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace status2::actors {

struct canary_config {
  boost::asio::io_context* loop = nullptr;  ///< of the thread it is bound to
  redis::connection_settings connection;
  std::string channel;
  std::string publish_command = "PUBLISH";
  std::chrono::nanoseconds interval{std::chrono::seconds{10}};
  /// A message must be back within it, or within the interval if that is less.
  std::chrono::nanoseconds deadline{std::chrono::seconds{1}};
  broker_counters* counters = nullptr;
  broker_status* status = nullptr;
};

/// Judges only while the link is up: the link itself reports an outage. Must be
/// spawned with spawn_bound().
struct canary_state {
  static constexpr const char* name = "status2.canary";

  explicit canary_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  ~canary_state();
  caf::behavior make_behavior(canary_config configuration);

  void on_state(const channel_state& state);
  void on_message(const payload_batch& batch);
  void on_change(const redis_change& change);
  void on_due();
  void on_opened(const canary_opened& opened);
  void on_reply(const canary_reply& reply);
  void on_closed(const canary_closed& closed);

  void due_in(std::chrono::nanoseconds time);
  /// Returns whether the deadline starts again because this thread was late.
  bool wait_once_more();
  void start();
  void publish();
  /// Whether the link serves other channels: then this one should be live.
  bool link_up() const;
  /// The message under way is late, or the channel is not live.
  void judge();
  void drop_connection();
  void mark(bool ok);

  caf::event_based_actor* self;
  canary_config config;
  std::shared_ptr<redis::connection> connection;
  std::uint64_t connection_id = 0;
  bool open = false;
  bool live = false;
  bool refused = false;    ///< PUBLISH, for lack of rights
  std::string error;       ///< why the message under way may be late
  bool under_way = false;  ///< wanted back, not back yet
  bool judging = false;    ///< the next canary_due ends a deadline
  bool extended = false;   ///< the deadline has started again
  std::chrono::steady_clock::time_point due{};  ///< of canary_due
  std::uint64_t number = 0;  ///< of the message, so that an old one is no proof
  std::chrono::steady_clock::time_point started{};
};

}  // namespace status2::actors
