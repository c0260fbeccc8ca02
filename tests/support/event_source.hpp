/// A browser's EventSource as the contract knows it, without the browser, and
/// without its habit of coming back.
#pragma once

#include "service/event_parser.hpp"
#include "tests/support/tcp_client.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
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
  /// The same on a connection that is there, TLS or not.
  event_source(tcp_client connection, std::string_view target,
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
  unsigned retry() const { return parser_.retry(); }

  tcp_client& connection() { return connection_; }

 private:
  tcp_client connection_;
  http_response answer_;
  service::event_parser parser_;
  std::deque<stream_event> events_;  ///< that came with an earlier one
  std::string last_id_;
};

}  // namespace status2::support
