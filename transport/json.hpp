/// JSON as the broker writes it: escaping of any bytes. Pure.
#pragma once

#include <string>
#include <string_view>

namespace status2::transport {

/// Appends `text` as a JSON string with its quotes. Bytes that are no UTF-8
/// become U+FFFD, one for each byte.
/// Source: RFC 8259 section 7, RFC 3629 section 4.
void append_json_string(std::string& out, std::string_view text);

}  // namespace status2::transport
