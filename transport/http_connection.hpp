/// One accepted connection until its request is answered or handed on.
#pragma once

#include "transport/handshake.hpp"
#include "transport/io_loop.hpp"
#include "transport/listener.hpp"
#include "transport/timer_wheel.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace status2::transport {

class http_connection;

/// Lets so many through in a second and holds the others back, in order.
class rate_gate final : private wheel_timer {
 public:
  rate_gate(io_loop& loop, std::size_t rate) : loop_(loop), rate_(rate) {}

  /// Runs `next`, now or in its turn.
  void pass(std::function<void()> next);
  /// Forgets those who wait.
  void stop();

 private:
  void on_timer() override;
  void let_through();

  io_loop& loop_;
  const std::size_t rate_;  ///< 0: any number
  io_loop::clock::time_point due_{};
  std::deque<std::function<void()>> waiting_;
};

/// What the connections of a listener share. Thread: that of `loop`.
struct http_context {
  http_context(io_loop& l, listener_settings s,
               std::unique_ptr<listener_events> e)
      : loop(l),
        settings(std::move(s)),
        events(std::move(e)),
        gate(loop, settings.accept_rate) {}

  io_loop& loop;
  listener_settings settings;
  std::unique_ptr<listener_events> events;
  rate_gate gate;
  std::unordered_set<http_connection*> connections;
  bool stopping = false;
};

/// Owns: the socket, until it is handed on. Held by its own handlers.
class http_connection final
    : public std::enable_shared_from_this<http_connection>,
      private wheel_timer {
 public:
  using endpoint = boost::asio::ip::tcp::endpoint;

  http_connection(std::shared_ptr<http_context> context, tcp_socket socket,
                  const endpoint& remote);
  ~http_connection() override;

  /// Reads the first request.
  void start() { read_request(); }
  /// Ends it unless an answer is under way.
  void stop();

 private:
  using error_code = boost::system::error_code;
  using response =
      boost::beast::http::response<boost::beast::http::string_body>;

  /// What an answer needs to know of its request.
  struct request_facts {
    unsigned version = 11;
    bool head = false;
    bool keep_alive = false;
    bool body_follows = false;  ///< unread, so the connection ends
  };

  void read_request();
  void note_request();
  void on_request(const error_code& error);
  void answer_request();
  void answer_admin(std::string_view path);
  void answer_channel();
  void admit(handshake_decision decision);
  void hand_on(handshake_decision decision, const address& client,
               std::shared_ptr<void> place);
  void read_command(std::string_view path);
  void answer_command(std::string path);

  void refuse(const http_refusal& refusal);
  void reply(http_reply reply, const http_refusal* refusal = nullptr);
  void on_reply_sent(const error_code& error);
  /// Ends the connection so that the client gets the answer and no reset,
  /// though bytes of it were not read.
  void discard();
  void on_timer() override;
  void arm(std::chrono::nanoseconds limit);
  void close();

  std::shared_ptr<http_context> context_;
  tcp_socket socket_;
  endpoint remote_;
  boost::beast::flat_buffer buffer_;
  using parser =
      boost::beast::http::request_parser<boost::beast::http::empty_body>;
  std::optional<parser> parser_;
  std::unique_ptr<
      boost::beast::http::request_parser<boost::beast::http::string_body>>
      command_;
  request_facts facts_;
  std::unique_ptr<response> response_;
  bool answered_ = false;  ///< at least one request
};

}  // namespace status2::transport
