/// Replies of a Redis connection in subscribe mode, read without building a
/// reply tree: hiredis parses, payloads land in one buffer. On the main path:
/// one read from the socket becomes one reply_batch.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

enum class reply_kind : std::uint8_t {
  message,       ///< channel and payload
  too_large,     ///< channel of a message whose payload was dropped
  subscribed,    ///< channel
  unsubscribed,  ///< channel, empty if there was none
  pong,
  status,  ///< text, such as OK
  error,   ///< text
  other,   ///< first text, such as the role of a ROLE answer
};

/// Of Redis, bytes: `proto-max-bulk-len` as it comes.
inline constexpr std::size_t largest_payload = 536870912;

/// What one feed() completed, in order. Texts live in `bytes`.
struct reply_batch {
  struct reply {
    /// Whether it is, or was, a message of a channel.
    bool pushed() const {
      return kind == reply_kind::message || kind == reply_kind::too_large;
    }

    reply_kind kind = reply_kind::other;
    std::uint32_t first_at = 0, first_size = 0;  ///< channel or text
    /// Payload; of one that was dropped the size alone, at most 4 GB.
    std::uint32_t second_at = 0, second_size = 0;
    /// Index of its channel's next message; set by the Redis link.
    std::uint32_t next = 0;
  };
  std::string bytes;
  std::vector<reply> replies;
  /// Just before the read that completed it; the epoch if there was none.
  std::chrono::steady_clock::time_point read_at{};
  /// That read took everything that had arrived, only whole replies, and the
  /// stream had not ended.
  bool drained = false;
  /// Every message that Redis published before this time, to a channel that it
  /// had acknowledged, is in this batch or in an earlier one of its connection.
  std::chrono::steady_clock::time_point complete_until{};

  std::string_view first(const reply& r) const {
    return std::string_view(bytes).substr(r.first_at, r.first_size);
  }
  std::string_view payload(const reply& r) const {
    return std::string_view(bytes).substr(r.second_at, r.second_size);
  }
};

/// Limits: a larger payload than `max_payload` bytes is dropped while it comes
/// in. A reply that is larger elsewhere than 1 MB, or bytes that are no RESP,
/// break the reader for good.
/// Source: https://redis.io/docs/reference/protocol-spec/
class reply_reader {
 public:
  /// `max_payload`: at most 512 MB, Redis's own bound.
  explicit reply_reader(std::size_t max_payload = largest_payload);
  ~reply_reader();
  reply_reader(const reply_reader&) = delete;
  reply_reader& operator=(const reply_reader&) = delete;

  /// Parses `data` whole and moves what it completed into `out`.
  /// Errors: false with error(); `out` has what was complete before. The caller
  /// closes the connection.
  bool feed(std::string_view data, reply_batch& out);
  const std::string& error() const { return error_; }
  /// Part of a reply is there, and the rest is not.
  bool unfinished() const;
  /// Memory that it keeps for an unfinished reply, bytes.
  std::size_t kept() const;

 private:
  struct hooks;
  struct parser;
  std::unique_ptr<parser> parser_;
  std::string error_;
};

}  // namespace status2::redis
