/// Server frames: how a Redis payload becomes bytes on the wire. On the main
/// path: the subscriber actor builds one frame_block a read, every session of
/// the channel sends the same bytes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace status2::transport {

/// Whole WebSocket frames, back to back, shared by all who send them.
/// Thread: immutable after construction, any thread may read it.
struct frame_block : std::enable_shared_from_this<frame_block> {
  std::string bytes;
  /// Messages (`status` frames) in `bytes`; 0 for control frames.
  std::uint32_t messages = 0;
  /// Only for those who asked to be told of gaps.
  bool gap = false;
  /// Outboxes in which it waits; queued_block counts. Thread: any.
  mutable std::atomic<std::uint32_t> outboxes{0};
};
using frame_ptr = std::shared_ptr<const frame_block>;

/// Appends one unmasked text frame holding `text`, which must be UTF-8.
/// Source: RFC 6455 section 5.2.
void append_text_frame(std::string& out, std::string_view text);

/// Appends `{"type":"status","data":"…"}` for one Redis payload. Bytes that
/// are no UTF-8 become U+FFFD, one for each byte, as Go's encoder does.
/// Limits: any payload length up to what fits in memory.
void append_status_frame(std::string& out, std::string_view payload);

/// Why messages may be missing: the link to Redis was away, the client itself
/// was too slow, or a part of the broker was restarted.
enum class gap_cause : std::uint8_t { redis, slow, restart };

struct gap {
  using time_point = std::chrono::system_clock::time_point;
  time_point since;
  time_point until;
  gap_cause cause = gap_cause::redis;
};

/// Appends `{"type":"gap","since":"…","until":"…","cause":"…"}`, times in
/// RFC 3339 with milliseconds, UTC, rounded outwards.
void append_gap_frame(std::string& out, const gap& what);
frame_ptr gap_frame(const gap& what);

/// Appends a Close frame. Limits: `reason` at most 123 bytes.
/// Source: RFC 6455 section 5.5.1.
void append_close_frame(std::string& out, std::uint16_t code,
                        std::string_view reason);

/// Appends a Pong frame. Limits: `payload` at most 125 bytes.
/// Source: RFC 6455 section 5.5.3.
void append_pong_frame(std::string& out, std::string_view payload);

/// `{"type":"ping"}` and `{"type":"hangup"}`, framed once for the process.
const frame_ptr& ping_frame();
const frame_ptr& hangup_frame();

}  // namespace status2::transport
