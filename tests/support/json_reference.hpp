/// How a payload is escaped, said again as plainly as can be: what the broker's
/// own way, which is fast, is compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace status2::test {

/// Bytes of the UTF-8 character that `text` starts with; 0 if there is none.
/// By the code point: within bounds, no surrogate, not to be said shorter.
inline std::size_t plainly_utf8(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf8   ? 0
                             : lead >= 0xf0 ? 4
                             : lead >= 0xe0 ? 3
                             : lead >= 0xc0 ? 2
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  std::uint32_t point = lead & (0x7fU >> length);
  for (std::size_t at = 1; at < length; ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if ((byte & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte & 0x3f);
  }
  const std::size_t shortest = point < 0x80      ? 1
                               : point < 0x800   ? 2
                               : point < 0x10000 ? 3
                                                 : 4;
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return shortest == length && !surrogate && point <= 0x10ffff ? length : 0;
}

/// `text` as a JSON string with its quotes.
inline std::string plainly_escaped(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto length = plainly_utf8(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    const auto short_form = std::string_view("\"\\\b\f\n\r\t").find(text[0]);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (short_form != std::string_view::npos) {
      out += '\\';
      out += "\"\\bfnrt"[short_form];
    } else if (byte < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(byte));
      out += code;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
  return out;
}

}  // namespace status2::test
