#include "transport/json.hpp"

#include "transport/clean_run.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include <array>
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

bool same_letters(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char letter = text[i];
    if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
    if (letter != lower_case[i]) return false;
  }
  return true;
}

client_message kind_of(const boost::json::object& message) {
  // The service that this one replaces did not mind the key's case either.
  auto kind = client_message::other;
  for (const auto& member : message) {
    const auto key = member.key();
    if (!same_letters({key.data(), key.size()}, "type")) continue;
    const auto* text = member.value().if_string();
    kind = client_message::other;
    if (text == nullptr) continue;
    const std::string_view type(text->data(), text->size());
    if (same_letters(type, "init")) kind = client_message::init;
    if (same_letters(type, "pong")) kind = client_message::pong;
  }
  return kind;
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

client_message parse_client_message(std::string_view text) {
  if (text == R"({"type":"pong"})") return client_message::pong;
  if (text == R"({"type":"init"})") return client_message::init;
  std::array<unsigned char, 2048> scratch;
  boost::json::monotonic_resource memory(scratch.data(), scratch.size());
  boost::json::parse_options options;
  options.max_depth = 32;
  boost::system::error_code error;
  const auto value =
      boost::json::parse({text.data(), text.size()}, error, &memory, options);
  const auto* object = error ? nullptr : value.if_object();
  return object == nullptr ? client_message::malformed : kind_of(*object);
}

}  // namespace status2::transport
