#include "transport/proxy_header.hpp"

#include "transport/number.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <string>
#include <sys/socket.h>

namespace status2::transport {

namespace {

using namespace std::string_view_literals;
using state = proxy_header_state;

constexpr auto signature_v1 = "PROXY "sv;
constexpr auto signature_v2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t longest_v1 = 107;  ///< with the line end
constexpr std::size_t fixed_part = 16;   ///< of version 2
constexpr auto local = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"sv;

/// One of the two is the start of the other.
bool agree(std::string_view left, std::string_view right) {
  const auto common = std::min(left.size(), right.size());
  return left.substr(0, common) == right.substr(0, common);
}

proxy_header_result only(state what) {
  return {what};
}

proxy_header_result done(std::size_t size, const proxy_header& header) {
  return {state::done, size, header};
}

// -- version 1 ----------------------------------------------------------------

/// The next word of `line`, which ends at a space or the end of the line.
std::string_view take_word(std::string_view& line) {
  const auto space = line.find(' ');
  const auto word = line.substr(0, space);
  line = space == std::string_view::npos ? "" : line.substr(space + 1);
  return word;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const bool padded = text.size() > 1 && text.front() == '0';
  return padded ? std::nullopt : parse_number<std::uint16_t>(text);
}

bool parse_address(std::string_view text, proxied_client& into) {
  return ::inet_pton(into.v6 ? AF_INET6 : AF_INET, std::string(text).c_str(),
                     into.bytes.data()) == 1;
}

/// `TCP4 source destination source-port destination-port`.
std::optional<proxied_client> parse_line(std::string_view line) {
  constexpr std::ptrdiff_t spaces = 4;
  if (std::ranges::count(line, ' ') != spaces ||
      line.find('\0') != std::string_view::npos)
    return std::nullopt;
  proxied_client client;
  const auto family = take_word(line);
  client.v6 = family == "TCP6";
  if (!client.v6 && family != "TCP4") return std::nullopt;
  auto destination = client;
  if (!parse_address(take_word(line), client) ||
      !parse_address(take_word(line), destination))
    return std::nullopt;
  const auto port = parse_port(take_word(line));
  if (!port || !parse_port(line)) return std::nullopt;
  client.port = *port;
  return client;
}

proxy_header_result read_v1(std::string_view bytes, std::size_t longest) {
  constexpr auto line_end = "\r\n"sv;
  constexpr auto unknown = "UNKNOWN"sv;
  const auto limit = std::min(longest, longest_v1);
  const auto end = bytes.substr(0, limit).find(line_end);
  if (end == std::string_view::npos)
    return only(bytes.size() < limit ? state::more : state::wrong);
  const auto line = bytes.substr(0, end).substr(signature_v1.size());
  const auto size = end + line_end.size();
  if (line == unknown ||
      (line.starts_with(unknown) && line[unknown.size()] == ' '))
    return done(size, {});
  const auto client = parse_line(line);
  return client ? done(size, {false, client}) : only(state::wrong);
}

// -- version 2 ----------------------------------------------------------------

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

std::size_t two_bytes_at(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) << 8U | byte_at(bytes, at + 1);
}

/// Source: RFC 3720, appendix B.4.
std::uint32_t crc32c(std::string_view bytes) {
  constexpr std::uint32_t polynomial = 0x82f63b78;
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1U ^ ((crc & 1U) != 0 ? polynomial : 0);
  }
  return ~crc;
}

/// Whether the checksum at `at` is that of the header with zeros in its place.
bool right_checksum(std::string_view header, std::size_t at) {
  constexpr std::size_t length = 4;
  std::string zeroed(header);
  zeroed.replace(at, length, length, '\0');
  const auto wanted = static_cast<std::uint32_t>(
      two_bytes_at(header, at) << 16U | two_bytes_at(header, at + 2));
  return crc32c(zeroed) == wanted;
}

/// Whether what follows the address, from `at` on, is a row of TLVs.
bool sound_tlvs(std::string_view header, std::size_t at) {
  constexpr std::size_t fixed = 3;
  constexpr unsigned checksum = 0x03;
  constexpr std::size_t checksum_length = 4;
  while (at < header.size()) {
    if (header.size() - at < fixed) return false;
    const auto type = byte_at(header, at);
    const auto length = two_bytes_at(header, at + 1);
    at += fixed;
    if (header.size() - at < length) return false;
    if (type == checksum &&
        (length != checksum_length || !right_checksum(header, at)))
      return false;
    at += length;
  }
  return true;
}

/// The bytes of both addresses. Errors: nothing for an unknown family.
std::optional<std::size_t> address_length(unsigned family) {
  switch (family) {
    case 0x00:  // UNSPEC
      return 0;
    case 0x11:  // TCP and UDP over IPv4
    case 0x12:
      return 12;
    case 0x21:  // and over IPv6
    case 0x22:
      return 36;
    case 0x31:  // Unix sockets
    case 0x32:
      return 216;
    default:
      return std::nullopt;
  }
}

std::optional<proxied_client> client_in(std::string_view header,
                                        unsigned family) {
  constexpr unsigned v4 = 1;
  constexpr unsigned v6 = 2;
  proxied_client client;
  client.v6 = family >> 4U == v6;
  if (!client.v6 && family >> 4U != v4) return std::nullopt;
  const std::size_t length = client.v6 ? 16 : 4;
  std::memcpy(client.bytes.data(), header.data() + fixed_part, length);
  client.port =
      static_cast<std::uint16_t>(two_bytes_at(header, fixed_part + 2 * length));
  return client;
}

proxy_header_result read_v2(std::string_view bytes, std::size_t longest) {
  constexpr unsigned local_command = 0x20;
  constexpr unsigned proxy_command = 0x21;
  const auto version_at = signature_v2.size();
  if (bytes.size() > version_at &&
      byte_at(bytes, version_at) != local_command &&
      byte_at(bytes, version_at) != proxy_command)
    return only(state::wrong);
  if (bytes.size() < fixed_part) return only(state::more);
  const auto size = fixed_part + two_bytes_at(bytes, fixed_part - 2);
  if (size > longest) return only(state::wrong);
  if (bytes.size() < size) return only(state::more);
  if (byte_at(bytes, version_at) == local_command)
    return done(size, {true, std::nullopt});
  const auto header = bytes.substr(0, size);
  const auto family = byte_at(header, version_at + 1);
  const auto addresses = address_length(family);
  if (!addresses || size - fixed_part < *addresses ||
      (family != 0 && !sound_tlvs(header, fixed_part + *addresses)))
    return only(state::wrong);
  return done(size, {false, client_in(header, family)});
}

}  // namespace

proxy_header_result read_proxy_header(std::string_view bytes,
                                      std::size_t longest) {
  if (bytes.empty()) return only(state::more);
  if (agree(bytes, signature_v1))
    return bytes.size() < signature_v1.size() ? only(state::more)
                                              : read_v1(bytes, longest);
  if (agree(bytes, signature_v2)) return read_v2(bytes, longest);
  return only(state::wrong);
}

std::string_view local_proxy_header() {
  return local;
}

}  // namespace status2::transport
