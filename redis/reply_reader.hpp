/// Replies of a Redis connection in subscribe mode, read without building a
/// reply tree: hiredis parses, payloads land in one buffer. On the main path:
/// one read from the socket becomes one reply_batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

enum class reply_kind : std::uint8_t {
  message,       ///< channel and payload
  subscribed,    ///< channel
  unsubscribed,  ///< channel, empty if there was none
  pong,
  status,  ///< text, such as OK
  error,   ///< text
  other,
};

/// What one feed() completed, in order. Texts live in `bytes`.
struct reply_batch {
  struct reply {
    reply_kind kind = reply_kind::other;
    std::uint32_t first_at = 0, first_size = 0;    ///< channel or text
    std::uint32_t second_at = 0, second_size = 0;  ///< payload
    /// Index of its channel's next message; set by the Redis link.
    std::uint32_t next = 0;
  };
  std::string bytes;
  std::vector<reply> replies;

  std::string_view first(const reply& r) const {
    return std::string_view(bytes).substr(r.first_at, r.first_size);
  }
  std::string_view payload(const reply& r) const {
    return std::string_view(bytes).substr(r.second_at, r.second_size);
  }
};

/// Limits: a reply of at most 512 MB, Redis's own bound; beyond it, or on
/// bytes that are no RESP, the reader is broken for good.
/// Source: https://redis.io/docs/reference/protocol-spec/
class reply_reader {
 public:
  reply_reader();
  ~reply_reader();
  reply_reader(const reply_reader&) = delete;
  reply_reader& operator=(const reply_reader&) = delete;

  /// Parses `data` whole and moves what it completed into `out`.
  /// Errors: false with error(); `out` has what was complete before. The caller
  /// closes the connection.
  bool feed(std::string_view data, reply_batch& out);
  const std::string& error() const { return error_; }

 private:
  struct hooks;
  struct parser;
  std::unique_ptr<parser> parser_;
  std::string error_;
};

}  // namespace status2::redis
