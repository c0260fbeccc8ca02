// A stamped payload is `s`, 16 hexadecimal digits of time, 16 of number, and
// as many `x` as its size asks for.
#include "tests/bench/payload.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace status2::bench {

namespace {

constexpr std::size_t digits = 16;
constexpr std::string_view status_start = R"({"type":"status",")";
constexpr std::string_view id_start = R"(id":")";
constexpr std::string_view data_start = R"(data":")";
constexpr std::string_view resumed_start = R"({"type":"resumed",)";

void append_hex(std::string& out, std::uint64_t value) {
  constexpr std::string_view alphabet = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4)
    out.push_back(alphabet[value >> shift & 0xf]);
}

bool read_hex(std::string_view text, std::uint64_t& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, 16);
  return error == std::errc{} && stop == end;
}

/// What stands behind `"data":"` of a status object, with an id or without.
/// Nothing: `text` is none.
std::optional<std::string_view> data_of(std::string_view text) {
  if (!text.starts_with(status_start)) return std::nullopt;
  text.remove_prefix(status_start.size());
  if (text.starts_with(id_start)) {
    text.remove_prefix(id_start.size());
    const auto end = text.find(R"(",")");
    if (end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(end + 3);
  }
  if (!text.starts_with(data_start)) return std::nullopt;
  return text.substr(data_start.size());
}

}  // namespace

void append_payload(std::string& out, const stamp& s, std::size_t size) {
  out.push_back('s');
  append_hex(out, s.published_ns);
  append_hex(out, s.number);
  out.append(std::max(size, stamp_size) - stamp_size, 'x');
}

server_text read_server_text(std::string_view text) {
  if (text == R"({"type":"ping"})") return {text_kind::ping, {}};
  if (text == R"({"type":"hangup"})") return {text_kind::hangup, {}};
  if (text.starts_with(resumed_start)) return {text_kind::resumed, {}};
  const auto data = data_of(text);
  if (!data) return {};
  if (data->starts_with(probe_payload)) return {text_kind::probe, {}};
  server_text result{text_kind::stamped, {}};
  if (data->size() < stamp_size || data->front() != 's' ||
      !read_hex(data->substr(1, digits), result.published.published_ns) ||
      !read_hex(data->substr(1 + digits, digits), result.published.number))
    return {};
  return result;
}

}  // namespace status2::bench
