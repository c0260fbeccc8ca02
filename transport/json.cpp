#include "transport/json.hpp"

#include "transport/clean_run.hpp"

#include <cstddef>

namespace status2::transport {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

void append_escaped_byte(std::string& out, unsigned char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (byte) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (byte >= 0x80) {
        out += replacement;
        break;
      }
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 0xf];
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0;;) {
    const auto end = clean_run_end(text, at);
    out.append(text.data() + at, end - at);
    if (end == text.size()) break;
    append_escaped_byte(out, static_cast<unsigned char>(text[end]));
    at = end + 1;
  }
  out += '"';
}

}  // namespace status2::transport
