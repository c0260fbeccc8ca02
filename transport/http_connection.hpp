/// One accepted connection until its request is answered or handed on.
#pragma once

#include "transport/handshake.hpp"
#include "transport/io_loop.hpp"
#include "transport/listener.hpp"
#include "transport/pending_input.hpp"
#include "transport/rate_gate.hpp"
#include "transport/socket_watch.hpp"
#include "transport/timer_wheel.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace status2::transport {

struct http_context;

/// Owns: the socket, until it is handed on. Held by the loop's socket_watch,
/// or by itself while it waits for something else than its socket.
/// Thread: that of the loop.
class http_connection final
    : public std::enable_shared_from_this<http_connection>,
      public boost::intrusive::list_base_hook<
          boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
      private watched_socket,
      private gate_waiter,
      private wheel_timer {
  using reader_hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 public:
  using endpoint = boost::asio::ip::tcp::endpoint;

  http_connection(std::shared_ptr<http_context> context, unique_fd socket,
                  const endpoint& remote);
  ~http_connection();

  /// Reads the first request, which often has come already.
  void start();
  /// Ends it unless an answer is under way.
  void stop();
  /// Ends it for another one's sake.
  void give_way();

 private:
  friend struct http_context;
  using error_code = boost::system::error_code;
  using head_parser =
      boost::beast::http::request_parser<boost::beast::http::empty_body>;
  using command_parser =
      boost::beast::http::request_parser<boost::beast::http::string_body>;

  /// | phase     | what is awaited                        | events |
  /// | --------- | -------------------------------------- | ------ |
  /// | reading   | the rest of a request's header         | in     |
  /// | pipelined | its turn, a request may be here        |        |
  /// | body      | the rest of a command's body           | in     |
  /// | held_back | its turn at the gate                   |        |
  /// | asked     | the answer to a command                |        |
  /// | writing   | that the socket takes the answer       | out    |
  /// | ending    | the peer's end of stream, after ours   | in     |
  /// | closed    | nothing; the socket is gone            |        |
  enum class phase : std::uint8_t {
    reading,
    pipelined,
    body,
    held_back,
    asked,
    writing,
    ending,
    closed
  };

  /// What an answer needs to know of its request.
  struct request_facts {
    unsigned version = 11;
    bool head = false;
    bool keep_alive = false;
    bool body_follows = false;  ///< unread, so the connection ends
  };

  void on_ready(std::uint32_t events) noexcept override;
  void on_timer() override;
  void let_through() override;

  void read_request();
  void read();
  void read_head();
  void note_request();
  void answer_request();
  void answer_admin(std::string_view path);
  void answer_channel();
  void admit(handshake_decision decision);
  void hand_on(handshake_decision decision, const address& client,
               std::shared_ptr<void> place);
  void read_command();
  void read_body();
  void answer_command();

  void refuse(const http_refusal& refusal);
  void reply(http_reply reply, const http_refusal* refusal = nullptr);
  void write();
  void on_reply_sent();
  /// Ends the connection so that the client gets the answer and no reset,
  /// though bytes of it were not read.
  void discard();
  void arm(std::chrono::nanoseconds limit);
  /// Ends it for a bug, and says so.
  void fail(const char* what) noexcept;
  void close();

  /// The events that the phase is about.
  std::uint32_t wanted() const;
  void watch(std::uint32_t events);
  /// Whatever happens to a connection happens in here: it stays until the end
  /// of `action`, waits for what it needs then, and ends at an exception.
  template <class Action>
  void turn(Action action) noexcept;

  std::shared_ptr<http_context> context_;
  reader_hook reader_hook_;  ///< while it has no whole request
  unique_fd socket_;
  phase phase_ = phase::reading;
  bool answered_ = false;  ///< at least one request
  bool keep_ = false;      ///< for another request after this answer
  bool watched_ = false;   ///< the loop's socket_watch has it
  std::uint32_t watched_for_ = 0;
  /// While it waits and nobody watches it.
  std::shared_ptr<http_connection> self_;
  request_facts facts_;
  endpoint remote_;
  pending_input input_;
  std::optional<head_parser> parser_;
  std::unique_ptr<command_parser> command_;
  std::unique_ptr<handshake_decision> held_back_;
  std::string answer_;
  std::size_t sent_ = 0;  ///< of `answer_`
};

/// What the connections of a listener share. Thread: that of `loop`.
struct http_context {
  http_context(io_loop& l, listener_settings s,
               std::unique_ptr<listener_events> e)
      : loop(l),
        settings(std::move(s)),
        events(std::move(e)),
        gate(loop, settings.accept_rate) {}

  /// As many connections as may be, and whoever has one waits for his answer.
  bool crowded() const { return full() && readers.empty(); }
  /// One more connection is there: another one may have to go.
  void make_room();

  io_loop& loop;
  listener_settings settings;
  std::unique_ptr<listener_events> events;
  rate_gate gate;
  boost::intrusive::list<http_connection,
                         boost::intrusive::constant_time_size<false>>
      connections;
  std::size_t connection_count = 0;
  /// Those without a whole request, the longest waiting first.
  boost::intrusive::list<http_connection,
                         boost::intrusive::member_hook<
                             http_connection, http_connection::reader_hook,
                             &http_connection::reader_hook_>,
                         boost::intrusive::constant_time_size<false>>
      readers;
  bool stopping = false;

 private:
  bool full() const {
    return settings.most_requests != 0 &&
           connection_count >= settings.most_requests;
  }
};

}  // namespace status2::transport
