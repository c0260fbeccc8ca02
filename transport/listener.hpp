/// Accepts connections, reads one HTTP request from each and either answers it
/// or hands an upgrade_request on. On the main path of a client: first stop.
#pragma once

#include "transport/io_loop.hpp"
#include "transport/upgrade.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

struct listener_settings {
  std::string path_prefix;                   ///< empty or `/…`, no end slash
  std::vector<std::string> allowed_origins;  ///< empty: any
  std::chrono::nanoseconds handshake_timeout{std::chrono::seconds{10}};
  std::size_t max_header_size = 8 * 1024;  ///< bytes
  /// WebSocket sessions at once; one more is answered 503 with Retry-After.
  std::size_t max_connections = 10000;
};

struct http_reply {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// What the listener's owner provides. Thread: called on the listener's loop.
class listener_events {
 public:
  virtual ~listener_events() = default;
  /// Answers GET or HEAD of an admin path (`/health`, `/ready`, `/metrics`,
  /// with or without the path prefix); nothing if `path` is none of them.
  virtual std::optional<http_reply> on_admin(std::string_view path) = 0;
  /// A client wants a channel; open_sessions() counts it from here on.
  virtual void on_upgrade(upgrade_request&& request) = 0;
  /// WebSocket sessions open in the whole process now, for max_connections.
  virtual std::size_t open_sessions() const = 0;
  /// Accepting failed; the listener retries by itself after 100 ms.
  virtual void on_accept_error(const boost::system::error_code& error) = 0;
};

/// Thread: that of `loop`, apart from the constructor.
class listener : public std::enable_shared_from_this<listener> {
 public:
  listener(io_loop& loop, listener_settings settings,
           std::unique_ptr<listener_events> events);
  ~listener();

  /// Binds and listens, backlog 4096. Errors: the system's code, such as
  /// address_in_use; the caller ends with exit code 1. Thread: any, once.
  boost::system::error_code open(const std::string& address);
  /// The bound port, for tests that listen on port 0.
  unsigned short port() const;
  void start();
  /// No new sockets; half-read requests are dropped.
  void stop();

 private:
  struct implementation;
  std::shared_ptr<implementation> impl_;
};

}  // namespace status2::transport
