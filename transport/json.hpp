/// JSON as the broker writes and reads it: escaping of any bytes, and the
/// `type` of a client message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace status2::transport {

/// Appends `text` as a JSON string with its quotes. Bytes that are no UTF-8
/// become U+FFFD, one for each byte.
/// Source: RFC 8259 section 7, RFC 3629 section 4.
void append_json_string(std::string& out, std::string_view text);

enum class client_message : std::uint8_t { init, pong, other, malformed };

/// Reads a text message of a client: `type` without regard to case, extra
/// fields ignored; malformed if it is no JSON object.
client_message parse_client_message(std::string_view text);

}  // namespace status2::transport
