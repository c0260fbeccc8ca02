/// UTF-8 as RFC 3629 has it: no surrogates, nothing overlong, nothing above
/// U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace status2::transport {

/// Length in bytes of the character that `text` starts with; 0 if it starts
/// with none, in which case one byte is to be replaced.
/// Source: RFC 3629 section 4.
constexpr std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [text](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const auto tail = [byte](std::size_t at) {
    return (byte(at) & 0xc0) == 0x80;
  };
  const auto within = [byte](unsigned low, unsigned high) {
    return byte(1) >= low && byte(1) <= high;
  };
  const unsigned lead = byte(0);
  if (text.empty()) return 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return tail(1) ? 2 : 0;
  if (lead < 0xf0) {
    const bool second =
        within(lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    return second && tail(2) ? 3 : 0;
  }
  const bool second =
      within(lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
  return second && tail(2) && tail(3) ? 4 : 0;
}

}  // namespace status2::transport
