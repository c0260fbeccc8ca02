/// The whole actor protocol: each message with its sender, its receiver, what
/// it means and what answers it. Messages never leave the process.
///
/// | message           | from → to                | meaning; answer           |
/// | ----------------- | ------------------------ | ------------------------- |
/// | client_accepted   | listener → supervisor    | spawn a session; none     |
/// | channels_wanted   | supervisor → link        | subscribe these; each     |
/// |                   |                          | subscriber gets           |
/// |                   |                          | channel_state in time     |
/// | channel_unwanted  | supervisor → link        | unsubscribe; none         |
/// | channel_state     | link → subscriber,       | acknowledged or not       |
/// |                   | canary                   |                           |
/// | payload_batch     | link → subscriber,       | messages of one read      |
/// |                   | canary                   |                           |
/// | frame_message     | subscriber → group       | one block of frames       |
/// | blocks_wanted     | subscriber → framer      | encode a large batch;     |
/// |                   |                          | blocks_made               |
/// | channel_live      | subscriber → group       | answer waiting inits      |
/// | wait_over         | subscriber → itself      | what waits goes alone     |
/// | replay_wanted     | session → subscriber     | replay_part; none while   |
/// |                   |                          | the channel was never live|
/// | replay_part       | subscriber → session     | messages of the tail      |
/// | session_emptied   | socket → session         | nothing waits to be sent  |
/// | session_init      | socket → session         | client asks for a ping    |
/// | session_malformed | socket → session         | log it, bounded           |
/// | session_token_-   | socket → session         | log it, bounded           |
/// | refused           |                          |                           |
/// | session_closed    | socket → session         | the actor ends            |
/// | drain             | main → supervisor →      | close everything; the     |
/// |                   | session                  | supervisor ends when the  |
/// |                   |                          | last session has          |
/// | linger_over       | supervisor → itself      | leave unused channels     |
/// | supervisor_limits | reload → supervisor      | count with these from now |
/// | restart_child     | supervisor → itself      | backoff is over           |
/// | link_status       | link → supervisor        | for /ready                |
/// | tree_wanted       | chaos door → supervisor  | who lives; JSON answer    |
/// | kill_wanted       | chaos door → supervisor  | kill one; JSON answer     |
/// | fault_wanted      | chaos door → supervisor  | harm the link's sockets   |
/// |                   | → link                   | for a time; JSON answer   |
/// |                   |                          | of the supervisor         |
/// | drain_step        | supervisor → itself      | close those who are due   |
/// | canary_due        | canary → itself          | publish, or judge         |
/// | canary_opened,    | connection → canary      | what its socket did       |
/// | canary_reply,     |                          |                           |
/// | canary_closed     |                          |                           |
/// | redis_opened,     | connection → link        | events of the sockets     |
/// | redis_unanswered, |                          |                           |
/// | redis_warning,    |                          |                           |
/// | redis_read,       |                          |                           |
/// | redis_closed      |                          |                           |
/// | redis_mapped      | cluster map → link       | the topology, as asked    |
/// | redis_change      | reload → supervisor →    | use these settings from   |
/// |                   | link, canary             | now on; the link answers  |
/// |                   |                          | with redis_changed        |
/// | redis_changed     | link → supervisor        | they are in use           |
/// | redis_moved       | endpoint source → link   | leave and find it again   |
/// | link_tick         | link → itself            | a deadline of the machine |
#pragma once

#include "redis/cluster_topology.hpp"
#include "redis/connection.hpp"
#include "redis/reply_reader.hpp"
#include "redis/subscription_machine.hpp"
#include "transport/client_session.hpp"
#include "transport/frame.hpp"
#include "transport/upgrade.hpp"
#include "transport/watch_options.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/group.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace status2::actors {

struct client_accepted {
  std::shared_ptr<transport::upgrade_request> request;
};

struct wanted_channel {
  std::string name;
  caf::actor subscriber;
  caf::group viewers{};  ///< the channel's, if the subscriber sends to it
};
struct channels_wanted {
  std::vector<wanted_channel> channels;
};
struct channel_unwanted {
  std::string name;
};
struct channel_state {
  bool live = false;  ///< Redis has acknowledged the subscription
  /// Messages may be missing since then; nothing if none are.
  std::optional<std::chrono::steady_clock::time_point> since{};
  std::uint64_t number = 0;  ///< of the channel's gap_ledger
};
/// The payloads of one channel in one read from Redis, in order. All channels
/// share what was read; each follows its own replies through it.
struct payload_batch {
  std::shared_ptr<const redis::reply_batch> read;
  std::uint32_t first = 0;      ///< place of the first among the replies
  std::uint32_t count = 0;      ///< of the replies, those too large included
  std::size_t bytes = 0;        ///< of all payloads
  std::uint64_t number = 0;     ///< of the channel's gap_ledger
  std::uint32_t too_large = 0;  ///< messages whose payload was dropped

  std::uint32_t messages() const { return count - too_large; }
  /// Calls `take` with each payload, and `skipped` in place of one that was
  /// dropped.
  template <class Take, class Skipped>
  void for_each(Take take, Skipped skipped) const {
    auto at = first;
    for (auto left = count; left > 0; --left) {
      const auto& reply = read->replies[at];
      if (reply.kind == redis::reply_kind::message)
        take(read->payload(reply));
      else
        skipped();
      at = reply.next;
    }
  }
  template <class Take>
  void for_each(Take take) const {
    for_each(take, [] {});
  }
};

struct frame_message {
  transport::frame_ptr block;
};
/// `missing` takes the place of each message that was dropped.
struct blocks_wanted {
  payload_batch batch;
  transport::gap missing;
  std::string epoch;        ///< of the channel
  std::uint64_t first = 0;  ///< number of the first message
  std::vector<transport::encoding> kinds;
};
struct blocks_made {
  std::vector<transport::frame_ptr> blocks;
};
struct channel_live {};
struct wait_over {
  std::chrono::steady_clock::time_point due;
};

/// How far a replay has come.
struct replay_progress {
  std::uint64_t after = 0;     ///< newest entry of the tail that the client has
  std::uint64_t replayed = 0;  ///< messages
  bool complete = true;        ///< none are known to be missing
};
struct replay_wanted {
  caf::actor session;
  transport::encoding kind = transport::encoding::numbered;
  transport::replay_request request;
  std::uint64_t question = 0;  ///< for the answer
  /// Nothing: the replay begins.
  std::optional<replay_progress> progress{};
};
struct replay_part {
  std::uint64_t question = 0;  ///< that it answers
  std::vector<transport::frame_ptr> blocks;
  replay_progress progress;  ///< with this part
  /// Not null: this is the last part. The frame goes behind it, and the live
  /// messages behind progress.after come next.
  transport::frame_ptr resumption{};
};

struct session_init {};
struct session_emptied {};
struct session_malformed {
  std::string text;
};
struct session_token_refused {
  transport::token_fault why;
};
struct session_closed {
  transport::close_report report;
};
struct drain {};

struct linger_over {
  std::uint64_t round = 0;  ///< of the timer; an older one counts no more
};
/// Limits of the supervisor, which a reload may change.
struct supervisor_limits {
  /// How long a channel stays subscribed after its last viewer.
  std::chrono::nanoseconds channel_linger{std::chrono::seconds{5}};
  /// Channels at once, lingering ones included. A new channel takes the place
  /// of a lingering one; without one its client is answered 503.
  std::size_t max_channels = 20000;
  /// Over which the closes of a drain are spread.
  std::chrono::nanoseconds drain_window{0};
};
struct restart_child {
  std::string kind;     ///< redis-link, canary or subscriber
  std::string channel;  ///< of a subscriber
};

enum class link_phase : std::uint8_t { connecting, up, interrupted, surfaced };
struct link_status {
  link_phase phase = link_phase::connecting;
};

/// Takes an HTTP status and JSON, once, on the thread of the supervisor.
using answer_function = std::function<void(unsigned, const std::string&)>;

struct tree_wanted {
  answer_function answer;
};
struct kill_wanted {
  std::string actor;  ///< as the tree names it
  answer_function answer;
};
struct fault_wanted {
  redis::upstream_fault fault;
  answer_function answer;
};

struct drain_step {};
struct canary_due {};
struct canary_opened {
  std::uint64_t connection = 0;
};
struct canary_reply {
  std::uint64_t connection = 0;
  std::string error;  ///< of Redis
};
struct canary_closed {
  std::uint64_t connection = 0;
  std::string error;
};

struct redis_opened {
  redis::link_id link = 0;
};
struct redis_unanswered {
  redis::link_id link = 0;
  std::string error;
};
struct redis_warning {
  std::string text;
};
struct redis_read {
  redis::link_id link = 0;
  std::shared_ptr<redis::reply_batch> batch;
};
struct redis_closed {
  redis::link_id link = 0;
  std::string error;
  redis::failure_kind kind = redis::failure_kind::unreachable;
};
struct redis_mapped {
  redis::cluster_topology topology;  ///< valid if `error` is empty
  std::string error;
};
struct redis_change {
  redis::connection_settings connection;
};
struct redis_changed {};
struct redis_moved {
  std::string why;
  std::optional<redis::endpoint_source::time_point> since;
};
struct link_tick {
  redis::subscription_machine::time_point due;
};

}  // namespace status2::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::client_accepted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::channels_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::channel_unwanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::channel_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::payload_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::frame_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::blocks_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::blocks_made)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::channel_live)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::wait_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::replay_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::replay_part)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::session_emptied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::session_init)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::session_malformed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::session_token_refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::session_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::drain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::linger_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::supervisor_limits)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::restart_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::link_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::tree_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::kill_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::fault_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::drain_step)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::canary_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::canary_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::canary_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::canary_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_unanswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_warning)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_mapped)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_moved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_change)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_read)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::redis_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::actors::link_tick)
