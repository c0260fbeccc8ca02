/// Encodings: the ways in which a channel's messages are written to clients.
/// Each message is encoded once for all clients that want the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace status2::transport {

/// Those with compressed messages come last.
enum class encoding : std::uint8_t {
  plain,              ///< WebSocket frames without ids
  numbered,           ///< WebSocket frames with ids
  event_stream,       ///< server-sent events, with ids
  plain_deflated,     ///< as plain, long messages compressed
  numbered_deflated,  ///< as numbered, long messages compressed
};
inline constexpr std::array encodings{
    encoding::plain, encoding::numbered, encoding::event_stream,
    encoding::plain_deflated, encoding::numbered_deflated};

/// Place of `kind` in an array with an element per encoding.
constexpr std::size_t index_of(encoding kind) {
  return static_cast<std::size_t>(kind);
}

/// Encodings without compression: the first ones.
inline constexpr std::size_t uncompressed_encodings =
    index_of(encoding::plain_deflated);

constexpr bool is_deflated(encoding kind) {
  return index_of(kind) >= uncompressed_encodings;
}

/// The same frames, none of them compressed.
constexpr encoding without_compression(encoding kind) {
  if (kind == encoding::plain_deflated) return encoding::plain;
  if (kind == encoding::numbered_deflated) return encoding::numbered;
  return kind;
}

}  // namespace status2::transport
