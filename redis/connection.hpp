/// One connection to Redis: resolves, connects, logs in, and then passes
/// commands out and replies in. Knows nothing of channels. On the main path:
/// one read from the socket is parsed whole and reported once.
#pragma once

#include "redis/reply_reader.hpp"
#include "redis/url.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
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
  redis_url url;
  /// Each step (resolve and connect, TLS, login) must be done within it.
  std::chrono::nanoseconds request_timeout{std::chrono::seconds{1}};
  /// Shortest time between two reads of a socket, so that what comes close
  /// together is read, and told, together. Where a read keeps the thread busy
  /// it is up to twice as long; after a quiet time the first comes at once. 0:
  /// a read as soon as something comes.
  std::chrono::nanoseconds read_interval{0};
  /// Looked at on the connection's thread only; null: no faults.
  std::shared_ptr<const upstream_fault> fault{};
};

/// Thread: called on the connection's loop, never from inside one of its
/// members.
class connection_events {
 public:
  virtual ~connection_events() = default;
  /// Connected and logged in.
  virtual void on_open() = 0;
  /// All that one read completed.
  virtual void on_read(reply_batch&& batch) = 0;
  /// The last event: why it ended or could not be opened. Holds no secret.
  virtual void on_closed(const std::string& error) = 0;
};

/// Thread: that of `loop`, all members.
class connection {
 public:
  virtual ~connection() = default;
  /// Sends a command; only after on_open(). Blocks: never; what Redis does not
  /// take waits, and beyond 64 MB the connection closes.
  void send(const std::vector<std::string_view>& words);
  /// Closes without an event.
  virtual void close() = 0;
  /// connection_settings::fault is another one now.
  virtual void fault_changed() = 0;

 protected:
  virtual void write(std::string bytes) = 0;
};

/// Starts to open a connection; every attempt resolves the name anew.
/// Errors: connection_events::on_closed.
std::shared_ptr<connection> open_connection(
    boost::asio::io_context& loop, const connection_settings& settings,
    std::unique_ptr<connection_events> events);

/// `words` as a command on the wire.
/// Source: https://redis.io/docs/reference/protocol-spec/
std::string encode_command(const std::vector<std::string_view>& words);

}  // namespace status2::redis
