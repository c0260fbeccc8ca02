/// Server frames: how a Redis payload becomes bytes on the wire. On the main
/// path: the subscriber actor builds one frame_block a read, every session of
/// the channel sends the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace status2::transport {

/// Whole WebSocket frames, back to back, shared by all who send them.
/// Thread: immutable after construction, any thread may read it.
struct frame_block {
  std::string bytes;
  /// Messages (`status` frames) in `bytes`; 0 for control frames.
  std::uint32_t messages = 0;
};
using frame_ptr = std::shared_ptr<const frame_block>;

/// Appends one unmasked text frame holding `text`, which must be UTF-8.
/// Source: RFC 6455 section 5.2.
void append_text_frame(std::string& out, std::string_view text);

/// Appends `{"type":"status","data":"…"}` for one Redis payload. Bytes that
/// are no UTF-8 become U+FFFD, one for each byte, as Go's encoder does.
/// Limits: any payload length up to what fits in memory.
void append_status_frame(std::string& out, std::string_view payload);

/// Appends a Close frame. Limits: `reason` at most 123 bytes.
/// Source: RFC 6455 section 5.5.1.
void append_close_frame(std::string& out, std::uint16_t code,
                        std::string_view reason);

/// `{"type":"ping"}` and `{"type":"hangup"}`, framed once for the process.
const frame_ptr& ping_frame();
const frame_ptr& hangup_frame();

}  // namespace status2::transport
