/// The Redis link: one actor, one shared connection for all channels. Carries
/// out what redis/subscription_machine decides. On the main path: groups the
/// messages of one read by channel and hands each subscriber its batch.
#pragma once

#include "actors/counters.hpp"
#include "actors/gap_ledger.hpp"
#include "actors/messages.hpp"
#include "actors/rate_limit.hpp"
#include "actors/supervisor.hpp"
#include "redis/cluster_source.hpp"
#include "redis/connection.hpp"
#include "redis/link_machine.hpp"
#include "redis/subscription_machine.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <caf/actor.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace status2::actors {

/// What a link leaves to the one that the supervisor starts after it.
struct link_memory {
  std::shared_ptr<link_progress> progress = std::make_shared<link_progress>();
  bool established = false;  ///< ever
  /// The server that acknowledged a channel last.
  std::optional<redis::endpoint> served_at{};
  /// When the outage began that goes on.
  std::optional<std::chrono::steady_clock::time_point> lost_at{};
};

struct redis_link_config {
  boost::asio::io_context* loop = nullptr;  ///< of the thread it is bound to
  redis::connection_settings connection;
  redis::machine_settings machine;
  /// For sharded Pub/Sub; null else.
  std::shared_ptr<redis::cluster_map> cluster{};
  caf::actor supervisor;  ///< gets link_status
  broker_counters* counters = nullptr;
  broker_status* status = nullptr;
  std::shared_ptr<link_memory> memory = std::make_shared<link_memory>();
};

/// Must be spawned with spawn_bound(): its sockets belong to its thread.
struct redis_link_state {
  static constexpr const char* name = "status2.redis-link";

  explicit redis_link_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  ~redis_link_state();
  caf::behavior make_behavior(redis_link_config configuration);

  using actions = redis::link_machine::actions;
  struct wanted_subscriber {
    caf::actor actor;
    caf::group viewers;      ///< null: it sends to none
    payload_batch batch;     ///< of the read under way
    std::uint32_t last = 0;  ///< place of its last reply
  };
  /// Looks names up as they lie in a read, without a copy of each.
  struct name_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using subscriber_map =
      boost::unordered_flat_map<std::string, wanted_subscriber, name_hash,
                                std::equal_to<>>;

  void on_wanted(const channels_wanted& wanted);
  void on_unwanted(const channel_unwanted& unwanted);
  void on_read(const redis_read& read);
  void on_opened(const redis_opened& opened);
  /// Remembers whether `link` leads to another server than the one before.
  void note_server(redis::link_id link);
  void on_closed(const redis_closed& closed);
  void on_tick(link_tick tick);

  void carry_out(const actions& todo);
  void carry_out_on_socket(const redis::action& todo);
  void report(const redis::action& todo);
  void open(const redis::action& todo);
  void read_topology();
  void close(redis::link_id link);
  void command(const redis::action& todo, std::string_view verb);
  void tell_live(const redis::action& todo, bool live);
  void tell(const redis::action& todo, bool live);
  void tell(const wanted_subscriber& whom, channel_state state);
  void on_fault();
  // New settings: redis_link_change.cpp.
  void on_change(const redis_change& change);
  void publish_marker(const redis::action& todo);
  void cannot_mark(const std::string& error);
  void on_publisher_read(const redis::reply_batch& batch);
  void end_change(const redis::action& todo);
  void drop_publisher();
  void watch_source();
  /// A channel is served again: how long after its link was up.
  void note_acknowledged(const redis::action& todo);
  void note_first_message(const std::string& channel);
  /// An outage begins, unless one goes on.
  void lose();
  /// Ends an outage: tells how long it was and how the channels came back.
  void on_established();
  /// Links the replies of each channel and hands them to its subscriber.
  void forward(const std::shared_ptr<redis::reply_batch>& read);
  /// Counts and logs a message of `channel` whose payload was dropped.
  void note_too_large(std::string_view channel, std::uint32_t size);
  void count_live(std::int64_t more);
  void count_refused();
  void report_refused(const redis::action& todo);
  void phase(link_phase now);
  void schedule_tick();

  caf::event_based_actor* self;
  redis_link_config config;
  std::unique_ptr<redis::link_machine> machine;
  std::unordered_map<redis::link_id, std::shared_ptr<redis::connection>> links;
  /// Of single nodes of a cluster.
  std::map<redis::endpoint, std::shared_ptr<redis::endpoint_source>> nodes;
  /// Of a change that is under way.
  std::optional<redis::connection_settings> next;
  std::shared_ptr<redis::connection> publisher;  ///< of its markers
  bool publisher_open = false;
  redis::link_id second = 0;  ///< its connection
  std::string marker_channel{};
  std::string marker{};  ///< to publish
  subscriber_map subscribers;
  /// Those with a message in the read under way.
  std::vector<subscriber_map::value_type*> addressed;
  std::minstd_rand random{std::random_device{}()};
  redis::subscription_machine::time_point tick_at =
      redis::subscription_machine::time_point::max();
  /// Links to another server than the one before: since when Redis may have
  /// been there.
  std::unordered_map<redis::link_id, redis::subscription_machine::time_point>
      elsewhere_since;
  /// Since when each link works.
  std::unordered_map<redis::link_id, redis::subscription_machine::time_point>
      up_at;
  /// Of the resume under way: channel by channel, from link up.
  std::vector<std::chrono::nanoseconds> acknowledged_after;
  /// Channels that have had no message since the outage.
  std::unordered_map<std::string, redis::subscription_machine::time_point>
      awaited;
  std::int64_t live_channels = 0;     ///< this actor's share of the gauge
  std::int64_t refused_channels = 0;  ///< likewise
  rate_limit refusals{1};             ///< log lines a second
  rate_limit too_large_lines{1};      ///< likewise
  std::string warned;                 ///< the last warning that was logged
};

}  // namespace status2::actors
