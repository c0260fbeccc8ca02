/// Encodings: the ways in which a channel's messages are written to clients.
/// Each message is encoded once for all clients that want the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace status2::transport {

enum class encoding : std::uint8_t {
  plain,        ///< WebSocket frames without ids
  numbered,     ///< WebSocket frames with ids
  event_stream  ///< server-sent events, with ids
};
inline constexpr std::array encodings{encoding::plain, encoding::numbered,
                                      encoding::event_stream};

/// Place of `kind` in an array with an element per encoding.
constexpr std::size_t index_of(encoding kind) {
  return static_cast<std::size_t>(kind);
}

}  // namespace status2::transport
