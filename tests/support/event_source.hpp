/// A browser's EventSource as the contract knows it, without the browser, and
/// without its habit of coming back.
#pragma once

#include "tests/support/tcp_client.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace status2::support {

/// What one dispatch gives to scripts.
struct stream_event {
  std::string data;
  std::string last_id;  ///< the newest id so far
};

/// Thread: one. Blocks: waits are at most `patience`, if not said otherwise.
class event_source {
 public:
  /// Asks for `target`. `headers`: more request lines, each with `\r\n`.
  /// `receive_buffer`: bytes; 0: the kernel's choice.
  event_source(std::uint16_t port, std::string_view target,
               std::string_view headers = {}, int receive_buffer = 0);

  /// The head of the answer.
  const http_response& answer() const { return answer_; }

  /// The next event with data.
  std::optional<stream_event> next(std::chrono::nanoseconds wait = patience);
  /// The data of the next event that is no ping; empty if none came.
  std::string next_message(std::chrono::nanoseconds wait = patience);
  /// Whether the stream ends within `wait`; events before that are dropped.
  bool ended(std::chrono::nanoseconds wait = patience);
  /// The id with which to come back.
  const std::string& last_id() const { return last_id_; }
  /// Milliseconds; nothing was said: 0.
  int retry() const { return retry_; }

  tcp_client& connection() { return connection_; }

 private:
  /// The next whole line, without its end.
  std::optional<std::string> line(std::chrono::steady_clock::time_point until);
  void take(std::string_view name, std::string_view value);

  tcp_client connection_;
  http_response answer_;
  std::string data_;  ///< of the event under way, with a line end behind each
  std::string last_id_;
  int retry_ = 0;
};

}  // namespace status2::support
