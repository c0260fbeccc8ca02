/// Accepts connections, reads one HTTP request from each and either answers it
/// or hands an upgrade_request on. On the main path of a client: first stop.
#pragma once

#include "transport/admission.hpp"
#include "transport/io_loop.hpp"
#include "transport/upgrade.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
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
  std::size_t max_header_size = 8192;      ///< bytes
  std::vector<network> trusted_proxies{};  ///< whose X-Forwarded-For counts
  std::size_t accept_rate = 0;             ///< upgrades a second; 0: any number
  /// Connections that are no sessions, or not yet. One more takes the place of
  /// the one that has been without a whole request for longest; where all have
  /// one, it waits. 0: any number.
  std::size_t most_requests = 0;
};

/// A request to a path below `/chaos/`.
struct command_request {
  std::string method;
  std::string path;
  std::string query;
  std::string authorization;
  std::string body;
  std::string remote;
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
  /// Answers a command by calling `answer` once, at any time, on any thread.
  virtual void on_command(command_request&& request,
                          std::function<void(http_reply)> answer) = 0;
  /// A place for a client at `who`, kept in upgrade_request::place.
  /// Errors: null, with the refusal.
  virtual std::shared_ptr<void> on_admission(const address& who,
                                             http_refusal& refusal) = 0;
  /// A client wants a channel.
  virtual void on_upgrade(upgrade_request&& request) = 0;
  /// Accepting failed; the listener retries by itself after 100 ms.
  virtual void on_accept_error(const boost::system::error_code& error) = 0;
  /// An exception, which is a bug, ended a connection without an answer.
  virtual void on_request_failed(std::string_view what) noexcept = 0;
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
