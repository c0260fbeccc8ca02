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

#include <memory>
#include <optional>
#include <unordered_set>

namespace status2::transport {

class http_connection;

/// What the connections of a listener share. Thread: that of `loop`.
struct http_context {
  io_loop& loop;
  listener_settings settings;
  std::unique_ptr<listener_events> events;
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

  void read_request();
  void on_request(const error_code& error);
  void answer_request();
  void answer_admin(std::string_view path);
  void answer_channel();
  void hand_on(handshake_decision decision);

  void refuse(const http_refusal& refusal, bool keep_alive);
  void reply(http_reply reply, const http_refusal* refusal, bool keep_alive);
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
  std::unique_ptr<response> response_;
  bool answered_ = false;  ///< at least one request
};

}  // namespace status2::transport
