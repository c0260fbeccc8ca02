#include "tests/bench/frame_reader.hpp"

namespace status2::bench {

namespace {

constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t opcode_bits = 0x0f;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7f;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes)
    value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

}  // namespace

parsed_frame parse_frame(std::string_view bytes) {
  if (bytes.size() < 2) return {};
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const auto second = static_cast<std::uint8_t>(bytes[1]);
  if ((first & fin_bit) == 0 || (first & reserved_bits) != 0 ||
      (second & mask_bit) != 0)
    return {frame_outcome::malformed, {}, 0};
  std::size_t header = 2;
  std::uint64_t length = second & length_bits;
  if (length >= 126) {
    const std::size_t extra = length == 126 ? 2 : 8;
    if (bytes.size() < header + extra) return {};
    length = big_endian(bytes.substr(header, extra));
    header += extra;
  }
  if (bytes.size() - header < length) return {};
  return {
      frame_outcome::complete,
      {static_cast<opcode>(first & opcode_bits), bytes.substr(header, length)},
      header + static_cast<std::size_t>(length)};
}

std::string client_text_frame(std::string_view text) {
  std::string frame{'\x81', static_cast<char>(mask_bit | text.size())};
  frame.append(4, '\0');
  frame.append(text);
  return frame;
}

}  // namespace status2::bench
