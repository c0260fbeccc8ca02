/// What a ws_session is made of; nobody else includes it. Outlives its
/// ws_session until the closes are on their way, held by its own handlers.
#pragma once

#include "transport/outbox_stream.hpp"
#include "transport/session_writer.hpp"
#include "transport/timer_wheel.hpp"
#include "transport/ws_session.hpp"

#include <boost/beast/websocket/stream.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// Thread: that of the loop, all members.
class ws_session_impl final
    : public std::enable_shared_from_this<ws_session_impl>,
      private wheel_timer,
      private byte_sink,
      private send_target,
      private outbox_holder {
 public:
  ws_session_impl(io_loop& loop, upgrade_request request,
                  const session_settings& settings,
                  std::unique_ptr<session_events> events,
                  std::shared_ptr<delivery_tally> channel);

  void start();
  void deliver(const frame_block& block);
  void send_ping();
  void close(close_reason reason);
  /// The owner is gone: no more events, and the socket follows.
  void abandon();
  const std::string& remote() const { return remote_; }
  bool wants_gaps() const { return wants_gaps_; }

 private:
  using error_code = boost::system::error_code;
  using time_point = io_loop::clock::time_point;

  /// | phase   | Close frame  | Beast reads | leaves it by                  |
  /// | ------- | ------------ | ----------- | ----------------------------- |
  /// | created | not sent     | no          | start()                       |
  /// | open    | not sent     | yes         | close(), an error, their Close|
  /// | closing | ours is sent | yes         | their Close, an error, time   |
  /// | ending  | sent or none | no          | outbox empty, or time         |
  /// | closed  |              |             |                               |
  enum class phase : std::uint8_t { created, open, closing, ending, closed };

  // Input, ws_session_input.cpp.
  void accept(const upgrade_request& request);
  void on_accept(const error_code& error);
  void read();
  void on_read(const error_code& error, std::size_t count);
  /// False: too many, and the session closes.
  bool within_rate();
  void on_message(std::string_view text);
  void on_read_error(const error_code& error);
  /// Reads and drops what still comes, so that the client gets our last
  /// frames instead of a reset.
  void discard();
  void on_discard();

  // Output.
  void take(std::string_view bytes) override;
  void on_sent(std::ptrdiff_t result) noexcept override;
  void sent(const error_code& error);
  void check_outbox();
  /// Over the limit of all threads, the largest outbox of this one goes.
  void check_total();
  std::size_t outbox_bytes() const override { return writer_.queued().bytes(); }
  void give_up() override { close(close_reason::memory_limit); }
  /// Drops what waits unsent and says so to those who asked.
  void cut_short();
  /// Adds what was discarded since the last time to its reason.
  void count_discarded();
  void wait_writable();
  void on_writable();

  // Time.
  void on_timer() override;
  void check_open(time_point now);
  void schedule();

  /// No more frames from either side: the outbox empties, then the socket
  /// goes, after the client's end of stream if `linger`.
  void end(close_reason reason, bool linger);
  void on_flushed();
  /// The socket goes now. The first reason wins.
  void finish(close_reason reason, const error_code& error = {});
  /// Runs `action`; an exception ends the session and nothing else.
  template <class Action>
  void guarded(Action action) noexcept {
    try {
      action();
    } catch (...) {
      finish(close_reason::internal_error);
    }
  }

  io_loop& loop_;
  const session_settings& settings_;
  std::shared_ptr<session_events> events_;
  std::unique_ptr<upgrade_request> request_;  ///< until start()
  std::string remote_;
  std::shared_ptr<void> place_;  ///< among the admitted
  boost::beast::websocket::stream<outbox_stream, false> stream_;
  session_writer writer_;
  std::string message_;  ///< parts of a message that is not whole yet
  time_point heard_;     ///< last init or pong
  time_point next_ping_;
  time_point close_deadline_;
  time_point message_due_;  ///< when the client's allowance is full again
  std::uint64_t discarded_counted_ = 0;
  std::optional<close_reason> reason_;
  std::uint16_t peer_code_ = 0;
  phase phase_ = phase::created;
  bool waiting_writable_ = false;
  bool linger_ = false;
  bool wants_gaps_ = false;
  std::array<char, 128> input_;  ///< nearly every client message fits
};

}  // namespace status2::transport
