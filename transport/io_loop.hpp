/// One I/O thread's event loop: the Asio context, the timer wheel and the
/// counters that everything on the thread shares.
#pragma once

#include "transport/counters.hpp"
#include "transport/frame_sender.hpp"
#include "transport/inbound_ledger.hpp"
#include "transport/socket_watch.hpp"
#include "transport/timer_wheel.hpp"
#include "transport/turn_queue.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>
#include <utility>

namespace status2::transport {

using tcp_acceptor =
    boost::asio::basic_socket_acceptor<boost::asio::ip::tcp,
                                       boost::asio::io_context::executor_type>;
using loop_timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock,
    boost::asio::wait_traits<std::chrono::steady_clock>,
    boost::asio::io_context::executor_type>;

/// A session with bytes that wait.
class outbox_holder {
 public:
  virtual std::size_t outbox_bytes() const = 0;
  /// Drops them and closes, with close_reason::memory_limit.
  virtual void give_up() = 0;

 protected:
  ~outbox_holder() = default;
};

/// Thread: all members belong to the thread inside run(), apart from stop(),
/// running_here() and reading counters().
class io_loop {
 public:
  using clock = std::chrono::steady_clock;

  explicit io_loop(std::size_t index,
                   io_backend backend = io_backend::automatic);

  /// Runs handlers until stop(). Blocks: yes.
  void run();
  void stop();
  bool running_here() const;

  std::size_t index() const { return index_; }
  boost::asio::io_context& context() { return context_; }
  io_counters& counters() { return counters_; }
  /// Whoever hands it something flushes it before the loop goes on.
  frame_sender& sender() { return sender_; }
  /// The sockets of the thread's sessions.
  socket_watch& sockets() { return sockets_; }
  /// The steps of TLS handshakes.
  turn_queue& handshakes() { return handshakes_; }

  /// The time by which clients are judged: the steady clock, without the times
  /// in which the loop did not run (a stopped process, a suspended machine, a
  /// starved thread). It never goes back. A deadline therefore moves by every
  /// stall.
  clock::time_point now() const;
  /// A tick that is later than this is a stall.
  static constexpr std::chrono::milliseconds longest_delay{100};
  /// Called after each stall with its length.
  void on_stall(std::function<void(std::chrono::nanoseconds)> report) {
    report_stall_ = std::move(report);
  }

  /// Memory that the thread keeps for clients' input.
  inbound_ledger& inbound() { return inbound_; }

  /// Arms `timer` to fire when now() is `due`, replacing an earlier due time.
  /// The wheel and one Asio timer carry all sessions of the thread.
  void arm(wheel_timer& timer, clock::time_point due);
  void disarm(wheel_timer& timer) { wheel_.disarm(timer); }

  /// Sessions of this thread with bytes that wait.
  std::unordered_set<outbox_holder*>& holders() { return holders_; }

 private:
  void tick_at(clock::time_point due);
  void on_tick();
  void note_stall(std::chrono::nanoseconds length);

  // Declared before the context: handlers that die with it use them.
  io_counters counters_;
  inbound_ledger inbound_{counters_};
  frame_sender sender_;
  timer_wheel wheel_;
  std::unordered_set<outbox_holder*> holders_;
  const std::size_t index_;
  boost::asio::io_context context_;
  socket_watch sockets_;
  turn_queue handshakes_{context_};
  loop_timer ticker_;
  clock::time_point ticker_due_ = clock::time_point::max();  ///< as now()
  std::chrono::nanoseconds stalled_{};                       ///< in all
  /// After a stall the sockets are read before anybody is judged: clients may
  /// have spoken meanwhile. Only once in a row, or a loop that is always late
  /// would judge nobody.
  bool sockets_first_ = false;
  std::function<void(std::chrono::nanoseconds)> report_stall_;
};

}  // namespace status2::transport
