/// One accepted connection until its request is answered or handed on. A
/// request goes parse, route, authorize, admit, then hand on or answer: the
/// members below `read_head()` stand in this order, those of authorize in
/// http_authorize.cpp. Before the first request there may be a PROXY header,
/// and then a TLS handshake.
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/handshake.hpp"
#include "transport/io_loop.hpp"
#include "transport/listener.hpp"
#include "transport/peer.hpp"
#include "transport/pending_input.hpp"
#include "transport/rate_gate.hpp"
#include "transport/socket_watch.hpp"
#include "transport/timer_wheel.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
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
      private inbound_holder,
      private wheel_timer {
  using waiter_hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 public:
  http_connection(std::shared_ptr<http_context> context, unique_fd socket,
                  peer remote);
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

  /// | phase     | what is awaited                        | events |
  /// | --------- | -------------------------------------- | ------ |
  /// | reading   | the rest of a header, PROXY or request | in     |
  /// | securing  | the client's part of the TLS handshake | either |
  /// | queued    | its turn for ours                      |        |
  /// | pipelined | its turn, a request may be here        |        |
  /// | body      | the rest of a command's body           | in     |
  /// | held_back | its turn at the gate                   |        |
  /// | asked     | the answer to a page or a command      |        |
  /// | writing   | that the socket takes the answer       | out    |
  /// | ending    | the peer's end of stream, after ours   | in     |
  /// | closed    | nothing; the socket is gone            |        |
  enum class phase : std::uint8_t {
    reading,
    securing,
    queued,
    pipelined,
    body,
    held_back,
    asked,
    writing,
    ending,
    closed
  };

  /// A client with a place, on its way to its channel.
  struct admitted {
    handshake request;
    address client;
    std::shared_ptr<void> place;
  };

  void on_ready(std::uint32_t events) noexcept override;
  void on_timer() override;
  void let_through() override;
  void give_up_inbound() override { close(); }
  /// Heap memory that is kept for the client.
  std::size_t kept_bytes() const;

  void read_request();
  void read();
  /// The PROXY header before the first request. Returns whether it is whole and
  /// right.
  bool read_proxy_header();
  /// The same where TLS follows, whose bytes are left to it.
  void read_up_to_tls();
  void begin_tls();
  void wait_for_turn();
  void shake_hands();
  void on_tls_failed();
  /// Whether the peer is a process of this machine.
  bool comes_from_here() const;
  void read_head();
  /// Returns whether a request has begun.
  bool skip_empty_lines();
  void note_request();
  void answer_request();
  bool serves_host(const routed_request& routed) const;
  /// The host that the client asked a trusted proxy for. Empty: none is named.
  std::string host_at_proxy() const;
  void answer_page(resource page);
  void judge_command(const routed_request& routed);
  void read_body();
  void answer_command();
  void authorize(const routed_request& routed);
  bool allows_origin(const routed_request& routed) const;
  /// Judges the token, or the ticket, that the request carries.
  token_verdict judge_token(token_authority& tokens,
                            const routed_request& routed);
  /// Judges the token of a client that wants `wanted`, and keeps it there.
  std::optional<token_fault> authorize_token(token_authority& tokens,
                                             const routed_request& routed,
                                             handshake& wanted);
  void answer_tickets(const routed_request& routed);
  /// Counts the tickets that are kept.
  void note_tickets(const token_authority& tokens);
  void refuse(token_fault why, http_reply answer);
  void admit(handshake request);
  void hand_on(admitted client);

  void refuse(refusal why) { refuse(why, reply_of(why)); }
  /// `detail`: for the log, see refused_request.
  void refuse(refusal why, http_reply answer, std::string_view detail = {});
  /// The function through which another thread answers.
  answer_function answer_later();
  void reply(http_reply reply);
  void write();
  void on_reply_sent();
  /// Ends the connection so that the client gets the answer and no reset,
  /// though bytes of it were not read.
  void discard();
  void arm(std::chrono::nanoseconds limit);
  /// Ends it for a bug, and says so.
  void fail(const char* what) noexcept;
  void close();

  /// Enters a phase. In a phase that waits for the client the connection may be
  /// crowded out; a closed one keeps nothing and waits for nothing.
  void enter(phase next);
  /// The client's address, of which a trusted proxy may have told.
  address client() const;
  /// The client's address for logs, with its port if it is known.
  std::string remote_text(const address& client) const;
  /// The events that the phase is about.
  std::uint32_t wanted() const;
  void watch(std::uint32_t events);
  /// Whatever happens to a connection happens in here: it stays until the end
  /// of `action`, waits for what it needs then, and ends at an exception.
  template <class Action>
  void turn(Action action) noexcept;
  /// Waits for what the phase is about, held by the loop or by itself.
  void wait(const std::shared_ptr<http_connection>& self);
  /// An allocation failed: answers 503 if an answer is due, else closes.
  void on_out_of_memory(const std::shared_ptr<http_connection>& self) noexcept;

  std::shared_ptr<http_context> context_;
  waiter_hook waiter_hook_;  ///< while it waits for its client
  byte_stream stream_;
  phase phase_ = phase::reading;
  bool answered_ = false;  ///< at least one request
  bool idle_ = false;      ///< nothing of the next request has come
  bool keep_ = false;      ///< for another request after this answer
  bool watched_ = false;   ///< the loop's socket_watch has it
  std::uint32_t watched_for_ = 0;
  /// While it waits and nobody watches it.
  std::shared_ptr<http_connection> self_;
  answer_form form_;
  /// Bytes that are not a request follow this one: its body, or frames of a
  /// client that takes the upgrade for granted.
  bool more_follows_ = false;
  /// The connection has yet to name its client: settings.proxy_protocol.
  bool unnamed_ = false;
  bool plain_yet_ = false;          ///< TLS has yet to begin
  std::uint32_t securing_for_ = 0;  ///< the events of phase::securing
  peer remote_;  ///< the proxy until its PROXY header is read
  pending_input input_;
  std::size_t head_lines_ = 0;  ///< of this request, that the parser has taken
  std::size_t head_bytes_ = 0;  ///< likewise
  std::optional<head_parser> parser_;  ///< until the request is judged
  std::unique_ptr<command_request> command_;
  std::size_t body_wanted_ = 0;  ///< bytes of the body that are to come
  std::unique_ptr<admitted> held_back_;
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

  /// As many connections as may be, and every one waits for the broker.
  bool crowded() const { return full() && waiters.empty(); }
  /// One more connection is there: another one may have to go.
  void make_room();

  io_loop& loop;
  listener_settings settings;
  std::unique_ptr<listener_events> events;
  rate_gate gate;
  boost::intrusive::list<http_connection,
                         boost::intrusive::constant_time_size<false>>
      connections;
  /// Those that have no place among the clients.
  std::size_t connection_count = 0;
  /// Those that wait for their client, the longest waiting first.
  boost::intrusive::list<http_connection,
                         boost::intrusive::member_hook<
                             http_connection, http_connection::waiter_hook,
                             &http_connection::waiter_hook_>,
                         boost::intrusive::constant_time_size<false>>
      waiters;
  bool stopping = false;

 private:
  bool full() const {
    return settings.most_requests != 0 &&
           connection_count >= settings.most_requests;
  }
};

}  // namespace status2::transport
