/// One client's WebSocket or event stream on its I/O thread: what it sends is
/// read, and frames, pings, pongs and closes have one ordered way out, the
/// outbox.
/// On the main path: last stop of a message, deliver() puts it on the socket.
#pragma once

#include "transport/close_reason.hpp"
#include "transport/frame.hpp"
#include "transport/io_loop.hpp"
#include "transport/upgrade.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

/// Where a channel's fan-out ends on an I/O thread.
class frame_sink {
 public:
  /// Hands `block` to the thread's frame_sender if nothing waits, else queues
  /// it; `block` must stay until that is flushed. Never blocks, never calls
  /// back into the caller.
  virtual void deliver(const frame_block& block) noexcept = 0;
  /// Sends `block` now, or queues it. Returns whether nothing waits for the
  /// socket; else session_events::on_emptied() is called when that is so.
  virtual bool offer(const frame_ptr& block) noexcept = 0;
  /// Queues `block`, which the loop sends part by part, in turn with what it
  /// has for others.
  virtual void enqueue(const frame_block& block) noexcept = 0;
  /// Whether frame_block::gap is for it.
  virtual bool wants_gaps() const = 0;

 protected:
  ~frame_sink() = default;
};

struct session_settings {
  std::chrono::nanoseconds ping_interval{std::chrono::seconds{5}};
  /// Of an event stream.
  std::chrono::nanoseconds event_ping_interval{std::chrono::seconds{15}};
  std::chrono::nanoseconds pong_timeout{std::chrono::seconds{75}};
  /// How long the socket may take no byte while bytes wait for it.
  std::chrono::nanoseconds write_timeout{std::chrono::seconds{2}};
  /// How long a close may wait for the client's answer.
  std::chrono::nanoseconds close_timeout{std::chrono::seconds{5}};
  std::size_t max_message_size = 65536;  ///< bytes of a client message
  /// How long a client message may take from its first byte to its last.
  std::chrono::nanoseconds message_timeout{std::chrono::seconds{30}};
  std::size_t outbox_limit = 1048576;  ///< bytes waiting unsent
  /// Memory of the frames that wait for clients of all threads; 0: no limit.
  std::size_t total_outbox_limit = 0;
  /// Where all threads count it.
  std::vector<const io_counters*> outbox_counters{};
  /// Client frames a second, in the long run and at once; 0: any. A large
  /// frame counts as several.
  std::size_t message_rate = 0;
  std::size_t message_burst = 1;
  bool hangup = false;
};

struct close_report {
  close_reason reason = close_reason::client_closed;
  std::uint16_t peer_code = 0;  ///< code of the client's Close frame, or 0
  std::string error;            ///< of the system or of a bug, empty if none
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_discarded = 0;  ///< queued, never whole on the wire
};

/// What a session tells its actor. Thread: called on the session's thread,
/// never from inside deliver(), send_ping() or close().
class session_events {
 public:
  virtual ~session_events() = default;
  /// `{"type":"init"}` came.
  virtual void on_init() = 0;
  /// A text message that is no JSON object, cut to 120 bytes; empty of a client
  /// with a token, since it may be in there.
  virtual void on_malformed(std::string_view text) = 0;
  /// A token that was to take the place of the session's own was refused.
  virtual void on_token_refused(token_fault why) = 0;
  /// Nothing waits for the socket any more, after a frame_sink::offer() that
  /// left something.
  virtual void on_emptied() = 0;
  /// The socket is gone; the last call.
  virtual void on_closed(const close_report& report) = 0;
};

class client_session_impl;

/// Owns: the socket. Destroying it closes the session with internal_error
/// unless it is closing already: a session that dies closes its own socket
/// and nothing else. The socket then lives until its closes are on their way
/// (at most close_timeout); no event is raised any more.
/// Thread: that of `loop`, all members. `settings` must outlive the session;
/// `channel`, if any, counts what becomes of its deliveries.
class client_session final {
 public:
  client_session(io_loop& loop, upgrade_request request,
                 const session_settings& settings,
                 std::unique_ptr<session_events> events,
                 std::shared_ptr<delivery_tally> channel = nullptr);
  ~client_session();
  client_session(const client_session&) = delete;
  client_session& operator=(const client_session&) = delete;

  /// Answers the request and starts reading and the heartbeat.
  void start();
  /// Where frames for it go. It wants gaps if the client asked for them.
  frame_sink& sink();
  /// Sends `{"type":"ping"}` now.
  void send_ping();
  /// Closes for `reason`: hangup frame if set, Close frame or, of an event
  /// stream, its end, wait for the answer, at most close_timeout. The first
  /// reason wins.
  void close(close_reason reason);
  /// Remote address as logged, `ip:port`.
  const std::string& remote() const;

 private:
  std::shared_ptr<client_session_impl> impl_;
};

}  // namespace status2::transport
