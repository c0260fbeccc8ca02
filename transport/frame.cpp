#include "transport/frame.hpp"

#include "transport/deflate.hpp"
#include "transport/json.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <system_error>
#include <thread>

namespace status2::transport {

namespace {

constexpr char final_text = '\x81';
constexpr char final_deflated_text = '\xc1';  // RSV1: it is compressed
constexpr char final_close = '\x88';
constexpr char final_ping = '\x89';
constexpr char final_pong = '\x8a';
constexpr std::string_view status_start = R"({"type":"status","data":)";
constexpr std::string_view status_end = "}";

/// Bytes of the header of an unmasked frame with `length` bytes of payload.
constexpr std::size_t header_size(std::size_t length) {
  if (length < 126) return 2;
  return length < 65536 ? 4 : 10;
}

void write_header(char* header, char first, std::size_t length) {
  header[0] = first;
  const auto size = header_size(length);
  if (size == 2) {
    header[1] = static_cast<char>(length);
    return;
  }
  header[1] = size == 4 ? 126 : 127;
  for (std::size_t at = size; at-- > 2; length >>= 8)
    header[at] = static_cast<char>(length & 0xff);
}

void append_frame(std::string& out, char first, std::string_view payload) {
  std::array<char, 10> header;
  write_header(header.data(), first, payload.size());
  out.append(header.data(), header_size(payload.size()));
  out += payload;
}

/// RFC 3339 in UTC, to the millisecond.
std::string timestamp(std::chrono::milliseconds time) {
  const auto since_epoch = time.count();
  const std::time_t seconds = since_epoch / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text;
  const auto length = std::strftime(text.data(), text.size(), "%FT%T", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ",
                static_cast<int>(since_epoch % 1000));
  return text.data();
}

std::string_view name_of(gap_cause cause) {
  constexpr std::array<std::string_view, 6> names{
      "redis", "slow", "restart", "too_large", "evicted", "elsewhere"};
  return names[static_cast<std::size_t>(cause)];
}

void free_apart(frame_block* block) noexcept {
  try {
    std::thread([block] { delete block; }).detach();
  } catch (const std::system_error&) {
    delete block;
  }
}

frame_ptr text_block(std::string_view text) {
  auto block = std::make_shared<frame_block>();
  append_text_frame(block->bytes, text);
  return block;
}

}  // namespace

std::shared_ptr<frame_block> make_large_block() {
  return {new frame_block, free_apart};
}

void append_text_frame(std::string& out, std::string_view text) {
  append_frame(out, final_text, text);
}

void append_deflated_text_frame(std::string& out, std::string_view text) {
  if (text.size() >= least_deflated)
    if (const auto payload = deflate_message(text); !payload.empty())
      return append_frame(out, final_deflated_text, payload);
  append_text_frame(out, text);
}

std::size_t frame_size(std::size_t length) {
  return header_size(length) + length;
}

void append_event(std::string& out, std::string_view id,
                  std::string_view object) {
  if (!id.empty()) {
    out += "id: ";
    out += id;
    out += '\n';
  }
  out += "data: ";
  out += object;
  out += "\n\n";
}

void append_status_frame(std::string& out, std::string_view payload) {
  // Escaping is rare: the header's size is guessed from the plain length, and
  // only a wrong guess moves what was written.
  const auto frame = out.size();
  const auto guess =
      header_size(status_start.size() + payload.size() + 2 + status_end.size());
  out.append(guess, '\0');
  out += status_start;
  append_json_string(out, payload);
  out += status_end;
  const auto length = out.size() - frame - guess;
  const auto size = header_size(length);
  if (size > guess) out.insert(frame, size - guess, '\0');
  write_header(out.data() + frame, final_text, length);
}

std::string gap_text(const gap& what, std::string_view id) {
  using std::chrono::milliseconds;
  std::string text = R"({"type":"gap")";
  const auto add = [&text](std::string_view key, std::string_view value) {
    text += ",\"";
    text += key;
    text += "\":\"";
    text += value;
    text += '"';
  };
  if (!id.empty()) add("id", id);
  if (what.since)
    add("since", timestamp(std::chrono::floor<milliseconds>(
                     what.since->time_since_epoch())));
  add("until", timestamp(std::chrono::ceil<milliseconds>(
                   what.until.time_since_epoch())));
  add("cause", name_of(what.cause));
  text += '}';
  return text;
}

void append_close_frame(std::string& out, std::uint16_t code,
                        std::string_view reason) {
  constexpr std::size_t longest_reason = 123;
  std::string payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 0xff);
  payload += reason.substr(0, longest_reason);
  append_frame(out, final_close, payload);
}

void append_ping_frame(std::string& out) {
  append_frame(out, final_ping, {});
}

void append_pong_frame(std::string& out, std::string_view payload) {
  append_frame(out, final_pong, payload);
}

const frame_ptr& ping_frame() {
  static const frame_ptr frame = text_block(R"({"type":"ping"})");
  return frame;
}

const frame_ptr& hangup_frame() {
  static const frame_ptr frame = text_block(R"({"type":"hangup"})");
  return frame;
}

}  // namespace status2::transport
