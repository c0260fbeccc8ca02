/// The supervisor actor: spawns and monitors the Redis link, one subscriber a
/// channel in use and one session a client. It alone knows which channels are
/// wanted, so a restarted link or subscriber starts from its registry.
#pragma once

#include "actors/counters.hpp"
#include "actors/messages.hpp"
#include "actors/restart_policy.hpp"
#include "actors/session.hpp"
#include "actors/subscriber.hpp"

#include <caf/actor.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/group.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace status2::actors {

/// What the outside may ask at any time. Thread: any.
struct broker_status {
  std::atomic<link_phase> link{link_phase::connecting};
  std::atomic<bool> draining{false};
  /// Clients between on_upgrade() and the end of their session actor.
  std::atomic<std::size_t> sessions{0};
  /// A child's restart intensity was exceeded and may still be: until this
  /// time of the steady clock, in nanoseconds since its epoch.
  std::atomic<std::int64_t> failing_until_ns{0};
};

/// What a supervisor needs from outside; tests put in their own children.
struct supervisor_config {
  std::function<caf::actor(const caf::actor& supervisor)> spawn_link;
  std::function<caf::actor(subscriber_spec)> spawn_subscriber;
  std::function<caf::actor(session_spec)> spawn_session;
  std::chrono::nanoseconds channel_linger{std::chrono::seconds{5}};
  std::size_t threads = 1;
  /// Viewers of a channel that stay on the thread of the Redis link (0);
  /// further ones go to the thread with the fewest sessions. A wake of another
  /// thread costs more than a few sends.
  std::size_t spread_at = 256;
  restart_policy restarts;
  broker_counters* counters = nullptr;
  broker_status* status = nullptr;
};

/// Lives on thread 0. Ends with exit_reason::user_shutdown when a drain is
/// complete.
struct supervisor_state {
  static constexpr const char* name = "status2.supervisor";

  explicit supervisor_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(supervisor_config configuration);

  struct channel_entry {
    caf::group viewers;
    caf::actor subscriber;  ///< null while its restart waits
    restart_history deaths;
    std::size_t viewer_count = 0;
    std::uint64_t generation = 0;  ///< counts up when the viewers change
  };
  using channel_map = std::unordered_map<std::string, channel_entry>;
  struct session_entry {
    caf::actor session;
    channel_map::pointer channel;  ///< stable: nodes of an unordered_map
    std::size_t thread;
  };

  void on_client(const client_accepted& client);
  void on_down(const caf::down_msg& down);
  void on_session_down(
      std::unordered_map<caf::actor_id, session_entry>::iterator session);
  void on_link_down(const caf::down_msg& down);
  void on_subscriber_down(channel_map::value_type& channel,
                          const caf::down_msg& down);
  void on_linger_over(const linger_over& over);
  void on_restart(const restart_child& child);
  void on_drain();
  void end_when_drained();

  channel_map::value_type& channel_for(const std::string& name);
  void start_link();
  void start_subscriber(channel_map::value_type& channel);
  void schedule_restart(const caf::down_msg& down, std::string channel,
                        restart_history& deaths);
  std::size_t thread_for(const channel_entry& channel) const;
  void start_linger(channel_map::value_type& channel);

  caf::event_based_actor* self;
  supervisor_config config;
  caf::actor link;
  restart_history link_deaths;
  channel_map channels;
  /// Subscribers by actor id, to find the channel of one that died.
  std::unordered_map<caf::actor_id, channel_map::pointer> subscribers;
  std::unordered_map<caf::actor_id, session_entry> sessions;
  std::vector<std::size_t> sessions_by_thread;
  bool draining = false;
  std::minstd_rand random{std::random_device{}()};
};

}  // namespace status2::actors
