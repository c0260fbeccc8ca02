/// The payloads the load generator publishes and recognises. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace status2::bench {

/// When a message was published (CLOCK_MONOTONIC) and its number within its
/// channel, from 0.
struct stamp {
  std::uint64_t published_ns = 0;
  std::uint64_t number = 0;
};

/// Bytes that a stamp takes; no payload is shorter.
inline constexpr std::size_t stamp_size = 33;

/// Appends `s` as text, filled up to `size` bytes (at least stamp_size).
void append_payload(std::string& out, const stamp& s, std::size_t size);

/// Published until every viewer has seen one: the channel is live then.
inline constexpr std::string_view probe_payload = "probe";

enum class text_kind : std::uint8_t {
  stamped,
  probe,
  ping,
  resumed,
  hangup,
  other
};

struct server_text {
  text_kind kind = text_kind::other;
  stamp published;  ///< only of a stamped one
};

/// Reads a text frame of the server, or the data of an event.
server_text read_server_text(std::string_view text);

}  // namespace status2::bench
