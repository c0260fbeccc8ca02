/// Compression of WebSocket messages (permessage-deflate). No message refers to
/// an earlier one, so a connection keeps no state: each thread has a compressor
/// and a decompressor, and resets them for each message. Pure.
#pragma once

#include "transport/close_reason.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// Shortest text that is worth compressing: it saves 70 to 130 bytes per
/// viewer. docs/decisions/0021 has the figures.
inline constexpr std::size_t least_deflated = 256;  // bytes

/// Returns `text` as the payload of a compressed message. Empty if that is not
/// shorter than `text`.
/// Source: RFC 7692 section 7.2.1. Thread: any.
std::string deflate_message(std::string_view text);

/// Puts the message whose compressed payload is `payload` into `text`.
/// Errors: message_too_big above `limit` bytes, found before they take more
/// than twice as much memory; protocol_error if `payload` is not a series of
/// whole DEFLATE blocks. `text` then means nothing. Throws if there is no
/// memory. Source: RFC 7692 section 7.2.2. Thread: any.
std::optional<close_reason> inflate_message(std::string_view payload,
                                            std::size_t limit,
                                            std::string& text);

}  // namespace status2::transport
