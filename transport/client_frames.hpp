/// What a client sends: bytes of a socket become messages, pings, pongs and
/// the Close. A session feeds what it read, from a buffer that all sessions of
/// a thread share, and keeps no more than what is not whole yet. Pure.
#pragma once

#include "transport/close_reason.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace status2::transport {

/// What came, in order. A view ends with the call. False: the session is over,
/// and nothing more is told.
class client_events {
 public:
  /// A frame begins; its payload has `size` bytes.
  virtual bool on_frame(std::uint64_t size) {
    (void)size;
    return true;
  }
  /// A compressed message is whole, which holds `more` bytes than came.
  virtual bool on_inflated(std::uint64_t more) {
    (void)more;
    return true;
  }
  /// A whole message; it is UTF-8.
  virtual bool on_text(std::string_view message) = 0;
  /// A whole message; its bytes are dropped.
  virtual bool on_binary() = 0;
  virtual bool on_ping(std::string_view payload) = 0;
  virtual bool on_pong(std::string_view payload) = 0;
  /// The last event. `code` is 0 if the frame has none.
  virtual void on_close(std::uint16_t code, std::string_view reason) = 0;

 protected:
  ~client_events() = default;
};

/// One client's stream of frames.
/// Owns: heap memory while a text message or a control frame is in parts.
/// Source: RFC 6455 sections 5, 7.4 and 8.1; RFC 7692 sections 6 and 7.2.
class client_frames {
 public:
  /// Limits: a message of `max_message_size` bytes is taken, of all its
  /// fragments together; text and binary alike. Of a compressed text message
  /// that holds before and after. `deflate`: compression was negotiated.
  explicit client_frames(std::size_t max_message_size, bool deflate = false)
      : max_message_size_(max_message_size), deflate_(deflate) {}

  /// Tells `events` what `bytes` complete, and changes `bytes` on the way. A
  /// text message that lies in `bytes` in one frame is not copied, unless it is
  /// compressed: that is decompressed once it is whole. Ignores all
  /// bytes after a Close, after an error and once an event returned false.
  /// Errors: protocol_error; bad_utf8, at the first byte that no text message
  /// can go on with; message_too_big, at the header. Those of the text of a
  /// compressed message come with its last byte, and data that are not DEFLATE
  /// are a protocol_error. The caller ends the connection.
  /// Limits: keeps at most `max_message_size` and 125 bytes, and only such as
  /// have come, compressed if they came so; a string that grows takes up to
  /// twice that. During a call a compressed message takes up to twice as much
  /// more. No event may destroy what feeds it, or feed it again.
  std::optional<close_reason> feed(std::span<char> bytes,
                                   client_events& events);

  /// Whether a frame or a message has begun and is not whole yet.
  bool unfinished() const {
    return header_size_ > 0 || message_ != opcode::continuation;
  }
  /// Frees what is kept and ignores all that comes.
  void stop() {
    over_ = true;
    kept_.reset();
  }
  /// Heap memory kept for what is not whole yet.
  std::size_t kept_bytes() const;

 private:
  using failure = std::optional<close_reason>;
  enum class opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
  };

  /// Takes bytes off `bytes`, to the end of a frame at most.
  failure take_some(std::span<char>& bytes, client_events& events);
  /// Takes the frame's header off `bytes`; `in_payload_` tells if it is whole.
  failure take_header(std::span<char>& bytes);
  /// Whether the header has `size` bytes, after taking them off `bytes`.
  bool fill_header(std::span<char>& bytes, std::size_t size);
  failure check_start() const;
  failure check_length() const;
  failure take_payload(std::span<char>& bytes, client_events& events);
  failure take_text(std::span<char> part, bool whole, client_events& events);
  /// A compressed text message is whole.
  failure take_deflated(std::string_view payload, client_events& events);
  failure take_control(std::span<char> part, client_events& events);
  failure on_control(std::string_view payload, client_events& events);
  failure on_close(std::string_view payload, client_events& events);
  void unmask(std::span<char> bytes);
  /// All that is kept, with `part` behind it.
  std::string_view keep(std::string_view part);

  opcode kind() const { return static_cast<opcode>(header_[0] & 0x0f); }
  bool is_control() const { return (header_[0] & 0x08) != 0; }
  bool is_final() const { return (header_[0] & 0x80) != 0; }
  bool is_compressed() const { return (header_[0] & 0x40) != 0; }
  /// Bytes of the length behind the first two of the header.
  std::size_t length_size() const;
  std::uint64_t length() const;

  std::size_t max_message_size_;
  /// Of the message under way: all frames whose header is whole.
  std::size_t message_size_ = 0;
  std::uint64_t remaining_ = 0;  ///< bytes of this frame's payload to come
  /// The parts of a text message, as they came, then those of a control frame
  /// inside it.
  std::unique_ptr<std::string> kept_;
  std::array<std::uint8_t, 14> header_{};
  std::uint8_t header_size_ = 0;       ///< bytes of `header_` that are there
  std::uint8_t character_ = 0;         ///< kept bytes that begin a character
  std::array<std::uint8_t, 4> key_{};  ///< turned to the next byte of payload
  opcode message_ = opcode::continuation;  ///< this value: none under way
  bool in_payload_ = false;
  bool over_ = false;
  bool deflate_;             ///< compression was negotiated
  bool compressed_ = false;  ///< the message under way is
};

static_assert(sizeof(client_frames) <= 64, "every connection has one");

}  // namespace status2::transport
