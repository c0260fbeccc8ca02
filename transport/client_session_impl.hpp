/// What a client_session is made of; nobody else includes it. Outlives its
/// client_session until the closes are on their way, held by the loop's
/// socket_watch.
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/client_frames.hpp"
#include "transport/client_protocol.hpp"
#include "transport/client_session.hpp"
#include "transport/session_writer.hpp"
#include "transport/socket_watch.hpp"
#include "transport/timer_wheel.hpp"

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace status2::transport {

/// Thread: that of the loop, all members.
class client_session_impl final
    : public frame_sink,
      public std::enable_shared_from_this<client_session_impl>,
      private send_target,
      private watched_socket,
      private wheel_timer,
      private client_events,
      private inbound_holder,
      private outbox_holder {
 public:
  client_session_impl(io_loop& loop, upgrade_request request,
                      const session_settings& settings,
                      std::unique_ptr<session_events> events,
                      std::shared_ptr<delivery_tally> channel);

  void start();
  void deliver(const frame_block& block) noexcept override;
  bool offer(const frame_ptr& block) noexcept override;
  void enqueue(const frame_block& block) noexcept override;
  bool wants_gaps() const override { return wants_gaps_; }
  void send_ping();
  void close(close_reason reason);
  /// The owner is gone: no more events, and the socket follows.
  void abandon();
  const std::string& remote() const { return remote_; }

 private:
  using error_code = boost::system::error_code;
  using time_point = io_loop::clock::time_point;
  static constexpr std::uint16_t normal_closure = 1000;

  /// | phase   | Close frame  | frames read | leaves it by                  |
  /// | ------- | ------------ | ----------- | ----------------------------- |
  /// | created | not sent     | no          | start()                       |
  /// | open    | not sent     | yes         | close(), an error, their Close|
  /// | closing | ours is sent | yes         | their Close, an error, time   |
  /// | ending  | sent or none | no          | outbox empty, or time         |
  /// | closed  |              |             |                               |
  enum class phase : std::uint8_t { created, open, closing, ending, closed };

  // Input, client_session_input.cpp.
  void on_ready(std::uint32_t events) noexcept override;
  void read();
  void read_some();
  /// Memory that is kept for the client's input.
  std::size_t kept_bytes() const;
  void feed(std::span<char> bytes);
  void on_read_end(const error_code& error);
  void on_end_while_deaf();
  bool on_frame(std::uint64_t size) override;
  bool on_inflated(std::uint64_t more) override;
  bool on_text(std::string_view message) override;
  bool on_binary() override;
  bool on_ping(std::string_view payload) override;
  bool on_pong(std::string_view payload) override;
  void on_close(std::uint16_t code, std::string_view reason) override;
  /// Bytes that cost the client one unit of its allowance.
  std::uint64_t bytes_of_unit() const;
  /// Units of the client's allowance that a frame of `bytes` costs.
  std::uint64_t units_of(std::uint64_t bytes) const {
    return 1 + bytes / bytes_of_unit();
  }
  /// Takes `units` from the client's allowance. If it is used up the session
  /// closes and reads no more; the result is false.
  bool charge(std::uint64_t units);
  /// A message is whole.
  bool end_message();
  void give_up_inbound() override { refuse_input(close_reason::inbound_limit); }
  /// Closes for the client's input, and reads no more of it.
  void refuse_input(close_reason reason);
  /// Waits for the client's end of stream without reading what it sends.
  void stop_listening();
  void note_unfinished();
  void act_on(std::string_view text);
  // Tokens, client_session_token.cpp.
  /// Takes `token` in place of the session's own, and answers.
  void renew(std::string_view token);
  /// Sets when the session looks at its token next.
  void plan_look(time_point now);
  /// Closes if the token has expired or its key is gone.
  void look_at_token(time_point now);
  /// Whether more of what came is of interest.
  bool listening() const { return phase_ < phase::ending; }
  /// Sends a Close frame without a text, unless ours is out, and nothing more.
  void send_close(std::uint16_t code);

  // Output.
  void on_sent(std::ptrdiff_t result) noexcept override;
  void sent(const error_code& error);
  void check_outbox();
  /// Whether more waits behind the message under way than outbox_limit.
  bool over_limit() const {
    return phase_ <= phase::open &&
           writer_.queued().bytes_behind_first() > settings_.outbox_limit;
  }
  /// Nothing waits for the socket any more.
  void on_emptied();
  /// Over the limit of all threads, the largest outbox of this one goes.
  void check_total();
  std::size_t outbox_bytes() const override { return writer_.queued().bytes(); }
  void give_up() override { close(close_reason::memory_limit); }
  /// Drops what waits unsent and says so to those who asked.
  void cut_short();
  /// Adds what was discarded since the last time to its reason.
  void count_discarded();
  /// Waits for what the session can do now: read, write or neither.
  void watch();
  /// Counts what the kernel and TLS hold for the client while bytes wait for
  /// it.
  void note_kernel_bytes(bool waiting);
  void on_writable();

  // Time.
  void on_timer() override;
  void check_open(time_point now);
  std::chrono::nanoseconds ping_interval() const {
    return protocol_.two_way ? settings_.ping_interval
                             : settings_.event_ping_interval;
  }
  /// Sends the heartbeat.
  void beat(time_point now);
  /// Whether the socket has taken nothing for write_timeout.
  bool stalled(time_point now) const;
  /// Makes the end of the connection a reset if bytes are unsent.
  void drop_unsent();
  void schedule();

  /// No more frames from either side: the outbox empties, then the socket
  /// goes, after the client's end of stream if `linger`.
  void end(close_reason reason, bool linger);
  void on_flushed();
  /// The socket goes now. The first reason wins; `fault` is what a bug said.
  void finish(close_reason reason, const error_code& error = {},
              std::string_view fault = {});
  /// Has report() called in a later turn of the loop.
  void report_later(std::string error);
  /// The same for want of memory, and without a text.
  void report_by_timer();
  void report(const std::string& error) noexcept;
  /// An allocation failed: closes, or ends at once if that fails too.
  void on_out_of_memory() noexcept;
  /// Runs `action`; an exception ends the session and nothing else, and is
  /// the error of its report, unless it is about memory.
  template <class Action>
  void guarded(Action action) noexcept {
    try {
      action();
    } catch (const std::bad_alloc&) {
      on_out_of_memory();
    } catch (const std::exception& bug) {
      finish(close_reason::internal_error, {}, bug.what());
    } catch (...) {
      finish(close_reason::internal_error, {}, "an exception without a text");
    }
  }

  // What a fan-out touches stands first.
  phase phase_ = phase::created;
  bool watches_writable_ = false;
  bool end_of_stream_ = false;  ///< the client sends nothing more
  bool deaf_ = false;           ///< the client may send, nothing is read
  bool linger_ = false;
  bool wants_gaps_ = false;
  bool deflated_ = false;          ///< counted as connections_compressed
  bool tell_emptied_ = false;      ///< session_events::on_emptied() is due
  std::int64_t kernel_bytes_ = 0;  ///< counted as outbox_kernel_bytes
  bool ping_waits_ = false;        ///< behind other frames; it is not sent yet
  std::optional<close_reason> reason_;
  std::uint16_t peer_code_ = 0;
  io_loop& loop_;
  byte_stream stream_;
  session_writer writer_;
  const session_settings& settings_;
  const client_protocol& protocol_;
  std::shared_ptr<session_events> events_;
  std::unique_ptr<upgrade_request> request_;  ///< until start()
  std::string remote_;
  std::shared_ptr<void> place_;  ///< among the admitted
  client_frames frames_;
  /// When the oldest ping was sent that no init or pong has followed.
  std::optional<time_point> unanswered_;
  time_point next_ping_;
  time_point close_deadline_;
  time_point message_due_;  ///< when the client's allowance is full again
  /// When the message began that is not whole yet.
  std::optional<time_point> message_begun_;
  bool frame_begun_ = false;  ///< in the read under way
  bool silent_ = true;        ///< no frame came since the last heartbeat
  std::uint64_t discarded_counted_ = 0;
  std::unique_ptr<session_token> token_;  ///< null: it needs none
  /// While it is closed and waits for report_by_timer().
  std::shared_ptr<client_session_impl> self_;
};

}  // namespace status2::transport
