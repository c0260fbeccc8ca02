#include "tests/support/viewer.hpp"

#include "tests/support/deflate_reference.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace {

using std::chrono::steady_clock;

constexpr std::uint8_t final_text = 0x81;
constexpr std::uint16_t no_code = 1005;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes)
    number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

std::string handshake(std::string_view target, std::string_view headers) {
  std::string text = "GET ";
  if (!target.starts_with('/')) text += '/';
  text.append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  text.append(upgrade_headers);
  return text.append(headers).append("\r\n");
}

}  // namespace

viewer::viewer(std::uint16_t port, std::string_view target,
               const viewer_options& options)
    : viewer(tcp_client(port), target, options) {}

viewer::viewer(tcp_client connection, std::string_view target,
               const viewer_options& options)
    : connection_(std::move(connection)) {
  if (options.receive_buffer > 0)
    connection_.receive_buffer(options.receive_buffer);
  connection_.send(handshake(target, options.headers));
  answer_ = read_response(connection_, false);
  if (answer_.status != 101 && answer_.status != 0)
    throw std::runtime_error("handshake: " + answer_.head);
  deflated_ = answer_.header("sec-websocket-extensions").has_value();
}

void viewer::send_text(std::string_view text) {
  send_frame(final_text, text);
}

void viewer::send_frame(std::uint8_t first_byte, std::string_view payload) {
  constexpr std::array<char, 4> mask{0x12, 0x34, 0x56, 0x78};
  std::string bytes(1, static_cast<char>(first_byte));
  if (payload.size() < 126) {
    bytes += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() < 65536) {
    bytes += static_cast<char>(0x80 | 126);
    for (int shift = 8; shift >= 0; shift -= 8)
      bytes += static_cast<char>(payload.size() >> shift & 0xff);
  } else {
    bytes += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8)
      bytes += static_cast<char>(payload.size() >> shift & 0xff);
  }
  bytes.append(mask.data(), mask.size());
  for (std::size_t i = 0; i < payload.size(); ++i)
    bytes += static_cast<char>(payload[i] ^ mask[i % mask.size()]);
  connection_.send(bytes);
}

bool viewer::live() {
  init();
  return next_ping();
}

bool viewer::next_ping(std::chrono::nanoseconds wait) {
  const auto until = steady_clock::now() + wait;
  while (const auto frame = next(until - steady_clock::now()))
    if (frame->text == ping_text) return true;
  return false;
}

std::optional<server_frame> viewer::next(std::chrono::nanoseconds wait) {
  const auto until = steady_clock::now() + wait;
  auto frame = decode();
  while (!frame && connection_.receive(until))
    frame = decode();
  return frame;
}

std::optional<server_frame> viewer::decode() {
  auto& bytes = connection_.buffer();
  if (bytes.size() < 2) return std::nullopt;
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const auto second = static_cast<std::uint8_t>(bytes[1]);
  constexpr int text_frame = 1;
  const bool may_be_compressed = deflated_ && (first & 0x0f) == text_frame;
  if ((first & (may_be_compressed ? 0xb0 : 0xf0)) != 0x80 ||
      (second & 0x80) != 0)
    throw std::runtime_error("a fragmented or masked frame from the server");
  std::size_t head = 2;
  if (second == 126) head = 4;
  if (second == 127) head = 10;
  if (bytes.size() < head) return std::nullopt;
  const std::uint64_t length =
      head == 2 ? second
                : big_endian(std::string_view(bytes).substr(2, head - 2));
  const std::uint64_t shorter = head == 10 ? 65535 : head == 4 ? 125 : 0;
  if (head > 2 && length <= shorter)
    throw std::runtime_error("a length field longer than need be");
  if (bytes.size() - head < length) return std::nullopt;
  server_frame frame;
  frame.text = bytes.substr(head, length);
  bytes.erase(0, head + length);
  frame.compressed = (first & 0x40) != 0;
  if (frame.compressed) frame.text = inflated(frame.text);
  switch (first & 0x0f) {
    case 1:
      break;
    case 8:
      frame.what = server_frame::kind::close;
      frame.code = no_code;
      if (length >= 2) {
        frame.code = static_cast<std::uint16_t>(
            big_endian(std::string_view(frame.text).substr(0, 2)));
        frame.text.erase(0, 2);
      }
      break;
    case 9:
      frame.what = server_frame::kind::ping;
      break;
    case 10:
      frame.what = server_frame::kind::pong;
      break;
    default:
      throw std::runtime_error("an unknown opcode from the server");
  }
  return frame;
}

std::string viewer::next_message(std::chrono::nanoseconds wait) {
  const auto until = steady_clock::now() + wait;
  while (const auto frame = next(until - steady_clock::now()))
    if (frame->what == server_frame::kind::text && frame->text != ping_text)
      return frame->text;
  return {};
}

std::uint16_t viewer::close_code(std::chrono::nanoseconds wait) {
  const auto until = steady_clock::now() + wait;
  while (const auto frame = next(until - steady_clock::now()))
    if (frame->what == server_frame::kind::close) return frame->code;
  return 0;
}

bool viewer::ended(std::chrono::nanoseconds wait) {
  const auto until = steady_clock::now() + wait;
  while (connection_.receive(until))
    connection_.buffer().clear();
  return connection_.closed();
}

std::string status_text(std::string_view payload) {
  return R"({"type":"status","data":")" + std::string(payload) + R"("})";
}

}  // namespace status2::support
