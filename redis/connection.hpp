/// One connection to Redis: finds it, connects, logs in, and then passes
/// commands out and replies in. Knows nothing of channels. On the main path:
/// one read from the socket is parsed whole and reported once.
#pragma once

#include "redis/command.hpp"
#include "redis/endpoint_source.hpp"
#include "redis/failure_kind.hpp"
#include "redis/reply_reader.hpp"
#include "redis/tls.hpp"
#include "redis/url.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

/// A fault that an operator injects upstream, in force until `until`.
struct upstream_fault {
  enum class kind : std::uint8_t { none, drop, stall, delay };
  kind what = kind::none;
  std::chrono::nanoseconds delay{0};  ///< of what comes from Redis
  std::chrono::steady_clock::time_point until{};
};

struct connection_settings {
  redis_url url;  ///< credentials, database, TLS or not
  /// Where to connect; null: the endpoints of the URL. Shared by connections
  /// of one loop.
  std::shared_ptr<endpoint_source> source{};
  std::shared_ptr<tls_context> tls{};  ///< null: made when it is needed
  std::string name{};                  ///< for CLIENT SETNAME; empty: none
  /// Each step (locate, resolve and connect, TLS, login) must end within it.
  std::chrono::nanoseconds request_timeout{std::chrono::seconds{1}};
  /// Whether an attempt tries its addresses again until its time is over.
  bool knocks = false;
  /// Shortest time between two reads of a socket, so that messages close
  /// together are read, and reported, together. If a read keeps the thread
  /// busy the time is up to twice as long; after a quiet time the first read
  /// comes at once. 0: a read as soon as something comes.
  std::chrono::nanoseconds read_interval{0};
  /// Larger payloads are dropped while they come in, bytes.
  std::size_t max_payload = largest_payload;
  /// Read on the connection's thread only; null: no faults.
  std::shared_ptr<const upstream_fault> fault{};
};

/// Thread: called on the connection's loop, never from inside one of its
/// members.
class connection_events {
 public:
  virtual ~connection_events() = default;
  /// Nobody has answered at any address so far; the attempt goes on.
  virtual void on_unanswered(const std::string& error) {}
  /// Redis refused a command of the login that is not needed.
  virtual void on_warning(const std::string& text) {}
  /// Connected and logged in.
  virtual void on_open() = 0;
  /// The replies that one read completed: none if it brought a part of one.
  virtual void on_read(reply_batch&& batch) = 0;
  /// The last event: why it ended or could not be opened. Holds no secret.
  virtual void on_closed(const std::string& error, failure_kind kind) = 0;
};

/// Thread: that of `loop`, all members.
class connection {
 public:
  virtual ~connection() = default;
  /// Sends a command; only after on_open(). Blocks: never; bytes that Redis
  /// does not take wait, and beyond 64 MB the connection closes.
  void send(const std::vector<std::string_view>& words);
  /// Closes without an event.
  virtual void close() = 0;
  /// The server that was reached; empty before.
  virtual endpoint where() const = 0;
  /// connection_settings::fault has changed.
  virtual void fault_changed() {}
  /// Bytes of whole commands, see encode_command().
  virtual void write(std::string bytes) = 0;
};

/// Starts to open a connection.
/// Errors: connection_events::on_closed.
std::shared_ptr<connection> open_connection(
    boost::asio::io_context& loop, const connection_settings& settings,
    std::unique_ptr<connection_events> events);

}  // namespace status2::redis
