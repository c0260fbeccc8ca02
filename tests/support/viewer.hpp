/// A browser's WebSocket as the contract knows it, without the browser.
#pragma once

#include "tests/support/tcp_client.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace status2::support {

/// A frame from the server. Server frames are neither masked nor fragmented;
/// one that is throws.
struct server_frame {
  enum class kind : std::uint8_t { text, ping, pong, close };
  kind what = kind::text;
  std::string text;         ///< of a close: the reason; never compressed
  std::uint16_t code = 0;   ///< of a close; 1005 if it had none
  bool compressed = false;  ///< RSV1 was set; throws without negotiation
};

struct viewer_options {
  std::string headers{};   ///< more request lines, each with `\r\n`
  int receive_buffer = 0;  ///< bytes; 0: the kernel's choice
};

/// Thread: one. Blocks: waits are at most `patience`, if not said otherwise.
class viewer {
 public:
  /// Asks for `/<channel>`, or for `target` as it is if it starts with `/`.
  /// Errors: another answer than 101 throws; none at all leaves it closed.
  viewer(std::uint16_t port, std::string_view target,
         const viewer_options& options = {});
  /// The same on a connection that is there, TLS or not.
  viewer(tcp_client connection, std::string_view target,
         const viewer_options& options = {});

  /// The answer to the handshake: 101.
  const http_response& answer() const { return answer_; }

  void send_text(std::string_view text);
  /// Masked. `first_byte` is FIN, the reserved bits and the opcode.
  void send_frame(std::uint8_t first_byte, std::string_view payload);
  void init() { send_text(R"({"type":"init"})"); }
  /// init(), and whether a ping came: every later message will come as well.
  /// Limits: takes heartbeats for the answer, so keep them rare.
  bool live();

  /// The next frame of any kind.
  std::optional<server_frame> next(std::chrono::nanoseconds wait = patience);
  /// Whether a `{"type":"ping"}` comes; frames before it are dropped.
  bool next_ping(std::chrono::nanoseconds wait = patience);
  /// The next text frame that is no ping, as JSON; empty if none came.
  std::string next_message(std::chrono::nanoseconds wait = patience);
  /// Reads on until the server's close frame; its code, or 0 if none came.
  /// Other frames before it are dropped.
  std::uint16_t close_code(std::chrono::nanoseconds wait = patience);
  /// Whether the server has ended the connection within `wait`.
  bool ended(std::chrono::nanoseconds wait = patience);

  tcp_client& connection() { return connection_; }

 private:
  std::optional<server_frame> decode();

  tcp_client connection_;
  http_response answer_;
  bool deflated_ = false;  ///< compression was negotiated
};

/// What makes a request a handshake, for request().
inline constexpr std::string_view upgrade_headers =
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Frames as the server sends them.
inline constexpr std::string_view ping_text = R"({"type":"ping"})";
inline constexpr std::string_view hangup_text = R"({"type":"hangup"})";
/// `payload` must need no escaping.
std::string status_text(std::string_view payload);

}  // namespace status2::support
