/// The supervisor actor: spawns and monitors the Redis link, the canary, one
/// subscriber a channel in use and one session a client. It alone knows which
/// channels are wanted, so a restarted link or subscriber starts from its
/// registry.
#pragma once

#include "actors/counters.hpp"
#include "actors/messages.hpp"
#include "actors/rate_limit.hpp"
#include "actors/restart_policy.hpp"
#include "actors/session.hpp"
#include "actors/subscriber.hpp"

#include <boost/intrusive/list.hpp>
#include <caf/actor.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/group.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace status2::actors {

/// What the outside may ask at any time. Thread: any.
struct broker_status {
  std::atomic<link_phase> link{link_phase::connecting};
  std::atomic<bool> draining{false};
  /// A child's restart intensity was exceeded and may still be: until this
  /// time of the steady clock, in nanoseconds since its epoch.
  std::atomic<std::int64_t> failing_until_ns{0};
  /// The last canary came back in time, or there is none.
  std::atomic<bool> canary_ok{true};
  /// How the last outage ended: its length, then from link up to Redis's
  /// acknowledgement of a channel, the worst and the 95th percentile.
  struct resume {
    std::atomic<std::int64_t> outage_ms{0};
    std::atomic<std::int64_t> worst_ms{0};
    std::atomic<std::int64_t> p95_ms{0};
  };
  resume last_resume;
  /// Channels that are wanted and that Redis refuses to subscribe.
  std::atomic<std::int64_t> channels_refused{0};

  using time_point = std::chrono::steady_clock::time_point;
  bool failing(time_point now) const {
    return now.time_since_epoch().count() < failing_until_ns;
  }
  /// Whether new clients should be sent here.
  bool ready(time_point now) const {
    return !draining && !failing(now) && canary_ok &&
           link != link_phase::surfaced;
  }
};

/// Names of children in log lines, restart_child and the tree.
inline constexpr std::string_view link_child = "redis-link";
inline constexpr std::string_view canary_child = "canary";
inline constexpr std::string_view subscriber_child = "subscriber";

/// What a supervisor needs from outside; tests put in their own children.
struct supervisor_config {
  std::function<caf::actor(const caf::actor& supervisor)> spawn_link;
  std::function<caf::actor(subscriber_spec)> spawn_subscriber;
  std::function<caf::actor(session_spec)> spawn_session;
  /// Optional: a canary, which gets the messages of `canary_channel`.
  std::function<caf::actor()> spawn_canary{};
  std::string canary_channel{};
  /// Called when the link uses the settings of a redis_change: links and
  /// canaries that are spawned from then on need them.
  std::function<void(const redis_change&)> redis_changed{};
  /// Memory and limits of the messages kept for replays. Must outlive the
  /// supervisor.
  tail_store* tails = nullptr;
  /// Last words of channels, or null. Must outlive the supervisor.
  latch_store* latches = nullptr;
  supervisor_limits limits{};
  std::size_t threads = 1;
  /// Viewers of a channel that stay on the thread of the Redis link (0);
  /// further ones go to the thread with the fewest sessions. A wake of another
  /// thread costs more than a few sends.
  std::size_t spread_at = 1024;
  restart_policy restarts;
  broker_counters* counters = nullptr;
  broker_status* status = nullptr;
  /// What the Redis connections look at; null: no faults can be injected.
  std::shared_ptr<redis::upstream_fault> fault{};
};

/// Lives on thread 0. Ends with exit_reason::user_shutdown when a drain is
/// complete.
struct supervisor_state {
  static constexpr const char* name = "status2.supervisor";

  explicit supervisor_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(supervisor_config configuration);

  using time_point = std::chrono::steady_clock::time_point;
  /// A child that is restarted.
  struct child {
    caf::actor actor;  ///< null while its restart waits
    restart_history deaths;
    std::size_t restarts = 0;
    time_point since{};
  };
  using link_hook = boost::intrusive::list_base_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  /// In one of the lists of lingering channels while it has no viewers.
  struct channel_entry : link_hook {
    std::string_view name;  ///< the key of the map
    caf::group viewers;
    std::shared_ptr<channel_tail> tail;
    child subscriber;
    std::size_t viewer_count = 0;
    time_point left_at{};  ///< by the last viewer
  };
  using channel_map = std::unordered_map<std::string, channel_entry>;
  using channel_list =
      boost::intrusive::list<channel_entry,
                             boost::intrusive::constant_time_size<false>>;
  struct session_entry {
    caf::actor session;
    channel_map::pointer channel;  ///< stable: nodes of an unordered_map
    std::size_t thread;
    time_point since;
  };

  void on_client(const client_accepted& client);
  void refuse_channel(transport::upgrade_request& request);
  void on_down(const caf::down_msg& down);
  void on_session_down(
      std::unordered_map<caf::actor_id, session_entry>::iterator session);
  void on_link_phase(link_phase now);
  void on_redis_change(const redis_change& change);
  void on_redis_changed();
  void on_link_down(const caf::down_msg& down);
  void on_canary_down(const caf::down_msg& down);
  void on_subscriber_down(channel_map::value_type& channel,
                          const caf::down_msg& down);
  void on_linger_over();
  void on_limits(const supervisor_limits& limits);
  void on_restart(const restart_child& child);
  void on_drain();
  /// Closes the sessions that are due by now.
  void on_drain_step();
  void end_when_drained();

  // The chaos door, supervisor_chaos.cpp.
  void on_tree(const tree_wanted& wanted) const;
  void on_kill(const kill_wanted& wanted);
  void on_fault(const fault_wanted& wanted);
  caf::actor find_actor(const std::string& name) const;

  channel_map::value_type& channel_for(const std::string& name);
  void start_link();
  void start_canary();
  void start_subscriber(channel_map::value_type& channel);
  void schedule_restart(const caf::down_msg& down, std::string_view kind,
                        std::string channel, child& of);
  std::size_t thread_for(const channel_entry& channel) const;
  /// The last viewer left.
  void start_linger(channel_entry& channel);
  void leave(channel_entry& channel);
  /// Whether there is room for one more channel; a lingering one makes it.
  bool make_room();

  caf::event_based_actor* self;
  supervisor_config config;
  child link;
  /// The link is on its way to it.
  std::optional<redis_change> pending_change{};
  child canary;
  time_point started{};
  channel_map channels;
  /// Channels without viewers, ordered by the time at which the last viewer
  /// left. Channels that never had a message are the first to give way.
  channel_list lingering;
  channel_list lingering_unused;
  bool linger_armed = false;       ///< a linger_over is on its way
  std::uint64_t linger_round = 0;  ///< its number
  /// Subscribers by actor id, to find the channel of one that died.
  std::unordered_map<caf::actor_id, channel_map::pointer> subscribers;
  std::unordered_map<caf::actor_id, session_entry> sessions;
  std::vector<std::size_t> sessions_by_thread;
  bool draining = false;
  time_point drain_started{};
  /// Sessions that a drain has still to close.
  std::vector<caf::actor> to_close;
  std::size_t sessions_to_drain = 0;
  rate_limit refusals{1};  ///< log lines a second
  std::minstd_rand random{std::random_device{}()};
};

}  // namespace status2::actors
