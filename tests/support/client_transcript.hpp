/// Frames as clients send them, and what the decoder of the server makes of
/// bytes, as a text that a test can compare.
#pragma once

#include "transport/client_frames.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace status2::support {

/// A frame under the mask of RFC 6455's examples. The length has the shortest
/// form.
inline std::string client_frame(int first_byte, std::string_view payload) {
  constexpr std::array<unsigned char, 4> key{0x37, 0xfa, 0x21, 0x3d};
  std::string frame(1, static_cast<char>(first_byte));
  const auto length = payload.size();
  const std::size_t length_size = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const auto short_length = length < 126 ? length : length < 65536 ? 126 : 127;
  frame += static_cast<char>(0x80 | short_length);
  for (auto at = length_size; at-- > 0;)
    frame += static_cast<char>(length >> 8 * at & 0xff);
  frame.append(key.begin(), key.end());
  for (std::size_t at = 0; at < length; ++at)
    frame += static_cast<char>(payload[at] ^ key[at % key.size()]);
  return frame;
}

/// One line an event: its name and what came with it.
class client_transcript final : public transport::client_events {
 public:
  bool on_text(std::string_view message) override {
    return add("text", message);
  }
  bool on_binary() override { return add("binary", ""); }
  bool on_ping(std::string_view payload) override {
    return add("ping", payload);
  }
  bool on_pong(std::string_view payload) override {
    return add("pong", payload);
  }
  void on_close(std::uint16_t code, std::string_view reason) override {
    add("close " + std::to_string(code), reason);
  }
  /// What ended the connection.
  void add_error(transport::close_reason reason) {
    add("error", transport::describe(reason).label);
  }
  const std::string& text() const { return text_; }

 private:
  bool add(const std::string& name, std::string_view what) {
    text_ += name + " [";
    text_ += what;
    text_ += "]\n";
    return true;
  }

  std::string text_;
};

/// The transcript of `bytes`; `next_size(left)` says how many of them the
/// decoder gets at once. `deflate`: compression was negotiated.
template <class NextSize>
std::string decoded(std::string bytes, std::size_t max_message_size,
                    NextSize next_size, bool deflate = false) {
  transport::client_frames frames(max_message_size, deflate);
  client_transcript transcript;
  std::span<char> left(bytes);
  while (!left.empty()) {
    const auto size =
        std::clamp<std::size_t>(next_size(left.size()), 1, left.size());
    if (const auto error = frames.feed(left.first(size), transcript))
      transcript.add_error(*error);
    left = left.subspan(size);
  }
  return transcript.text();
}

}  // namespace status2::support
