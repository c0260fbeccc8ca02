/// Server frames: how a Redis payload becomes bytes on the wire. On the main
/// path: the subscriber actor builds one frame_block a read, every session of
/// the channel sends the same bytes.
#pragma once

#include "transport/encoding.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// Whole WebSocket frames or events, back to back, shared by all who send them.
/// Thread: immutable after construction, any thread may read it.
struct frame_block : std::enable_shared_from_this<frame_block> {
  std::string bytes;
  /// Messages (`status` frames) in `bytes`; 0 for control frames.
  std::uint32_t messages = 0;
  /// Only for those who asked to be told of gaps.
  bool gap = false;
  encoding kind = encoding::plain;
  /// Bytes of the same messages without compression; 0 if `kind` has none.
  std::size_t uncompressed = 0;
  /// Number of the first message, or of the gap, in its channel. 0 without ids.
  std::uint64_t first_number = 0;
  /// A replay ended in front of it: it stays a block of its own.
  bool after_replay = false;
  /// Outboxes in which it waits; queued_block counts. Thread: any.
  mutable std::atomic<std::uint32_t> outboxes{0};
};
using frame_ptr = std::shared_ptr<const frame_block>;

/// An empty block for many megabytes. To return so much memory to the kernel
/// takes milliseconds, so whoever is the last to hold the block leaves that to
/// a thread of its own.
std::shared_ptr<frame_block> make_large_block();

/// Appends one unmasked text frame holding `text`, which must be UTF-8.
/// Source: RFC 6455 section 5.2.
void append_text_frame(std::string& out, std::string_view text);

/// The same, compressed if that makes it shorter and `text` is long enough to
/// be worth it. Source: RFC 7692 sections 6.1 and 7.2.1.
void append_deflated_text_frame(std::string& out, std::string_view text);

/// Bytes of a frame that is not compressed and holds `length` bytes.
std::size_t frame_size(std::size_t length);

/// Appends one event of an event stream, with its id unless that is empty.
/// `object` is JSON, which contains no line break.
/// Source: the HTML standard, section 9.2.
void append_event(std::string& out, std::string_view id,
                  std::string_view object);

/// Appends `{"type":"status","data":"…"}` for one Redis payload. Bytes that
/// are no UTF-8 become U+FFFD, one for each byte, as Go's encoder does.
/// Limits: any payload length up to what fits in memory.
void append_status_frame(std::string& out, std::string_view payload);

/// Why messages may be missing: the link to Redis was away, the client itself
/// was too slow, a part of the broker was restarted, a message was larger than
/// the broker accepts, the channel keeps them no longer, or they are from
/// another broker or from an earlier start of this one.
enum class gap_cause : std::uint8_t {
  redis,
  slow,
  restart,
  too_large,
  evicted,
  elsewhere
};

struct gap {
  using time_point = std::chrono::system_clock::time_point;
  std::optional<time_point> since;  ///< nothing: not known
  time_point until;
  gap_cause cause = gap_cause::redis;
};

/// `{"type":"gap","since":"…","until":"…","cause":"…"}`, times in RFC 3339 with
/// milliseconds, UTC, rounded outwards. `id`, if any, comes behind the type.
std::string gap_text(const gap& what, std::string_view id = {});

/// Appends a Close frame. Limits: `reason` at most 123 bytes.
/// Source: RFC 6455 section 5.5.1.
void append_close_frame(std::string& out, std::uint16_t code,
                        std::string_view reason);

/// Appends an empty Ping frame. Source: RFC 6455 section 5.5.2.
void append_ping_frame(std::string& out);

/// Appends a Pong frame. Limits: `payload` at most 125 bytes.
/// Source: RFC 6455 section 5.5.3.
void append_pong_frame(std::string& out, std::string_view payload);

/// `{"type":"ping"}` and `{"type":"hangup"}`, framed once for the process.
const frame_ptr& ping_frame();
const frame_ptr& hangup_frame();

}  // namespace status2::transport
