// PROXY headers, versions 1 and 2.
#include "transport/proxy_header.hpp"

#include <caf/test/unit_test.hpp>

#include <arpa/inet.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

using namespace status2::transport;
using namespace std::string_literals;

namespace {

constexpr std::size_t limit = 8192;
using state = proxy_header_state;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;
constexpr char local_command = 0x20;
constexpr char proxy_command = 0x21;
constexpr char tcp4 = 0x11;
constexpr char tcp6 = 0x21;

std::string two_bytes(std::size_t value) {
  return {static_cast<char>(value >> 8U & 0xffU),
          static_cast<char>(value & 0xffU)};
}

/// A header of version 2 with `block` behind its length.
std::string v2(char command, char family, const std::string& block) {
  return signature + command + family + two_bytes(block.size()) + block;
}

// 1.2.3.4:258 to 5.6.7.8:443
const std::string ipv4 = "\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x01\xbb"s;
// [2001:db8::7]:258 to [::1]:443
const std::string ipv6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07"s +
                         std::string(15, '\0') + "\x01\x01\x02\x01\xbb"s;

std::string tlv(char type, const std::string& value) {
  return type + two_bytes(value.size()) + value;
}

proxy_header_result read(std::string_view bytes, std::size_t longest = limit) {
  return read_proxy_header(bytes, longest);
}

/// `address port`, `local`, `unknown`, `more` or `wrong`.
std::string meaning(std::string_view bytes, std::size_t longest = limit) {
  const auto result = read(bytes, longest);
  if (result.state == state::more) return "more";
  if (result.state == state::wrong) return "wrong";
  const auto& header = result.header;
  if (header.local) return "local";
  if (!header.client) return "unknown";
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(header.client->v6 ? AF_INET6 : AF_INET,
              header.client->bytes.data(), text, sizeof text);
  return text + (" " + std::to_string(header.client->port));
}

}  // namespace

CAF_TEST(a_line_of_version_1_names_the_client) {
  CAF_CHECK_EQUAL(meaning("PROXY TCP4 1.2.3.4 5.6.7.8 258 443\r\n"),
                  "1.2.3.4 258");
  CAF_CHECK_EQUAL(meaning("PROXY TCP6 2001:db8::7 ::1 258 443\r\n"),
                  "2001:db8::7 258");
  CAF_CHECK_EQUAL(
      meaning("PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n"),
      "255.255.255.255 65535");
  CAF_CHECK_EQUAL(meaning("PROXY UNKNOWN\r\n"), "unknown");
  CAF_CHECK_EQUAL(meaning("PROXY UNKNOWN ffff::1 anything at all\r\n"),
                  "unknown");
  // The longest line that the protocol knows.
  const auto longest = "PROXY UNKNOWN "s + std::string(91, 'f') + "\r\n";
  CAF_CHECK_EQUAL(longest.size(), 107u);
  CAF_CHECK_EQUAL(meaning(longest), "unknown");
}

CAF_TEST(a_line_of_version_1_that_breaks_a_rule_is_wrong) {
  for (const auto* line : {"PROXY \r\n",
                           "PROXY TCP4\r\n",
                           "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
                           "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
                           "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
                           "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.8  2\r\n",
                           "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
                           "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 5.6.7.256 1 2\r\n",
                           "PROXY TCP4 ::1 ::1 1 2\r\n",
                           "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
                           "PROXY TCP6 [::1] ::1 1 2\r\n",
                           "PROXY UNKNOWNX\r\n",
                           "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"}) {
    CAF_MESSAGE(line);
    CAF_CHECK_EQUAL(meaning(line), "wrong");
  }
  CAF_CHECK_EQUAL(meaning("PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n"s), "wrong");
  // Without a line end within 107 bytes.
  const auto endless = "PROXY UNKNOWN "s + std::string(92, 'f') + "\r\n";
  CAF_CHECK_EQUAL(meaning(endless), "wrong");
  CAF_CHECK_EQUAL(meaning(endless.substr(0, 106)), "more");
  CAF_CHECK_EQUAL(meaning("PROXY UNKNOWN\n"), "more");
}

CAF_TEST(a_header_of_version_2_names_the_client) {
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, tcp4, ipv4)), "1.2.3.4 258");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, tcp6, ipv6)), "2001:db8::7 258");
  // A client of HTTP/3 comes by UDP.
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, 0x12, ipv4)), "1.2.3.4 258");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, 0x22, ipv6)), "2001:db8::7 258");
  const std::string unix_paths(216, 'p');
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, 0x31, unix_paths)), "unknown");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, 0x32, unix_paths)), "unknown");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, 0x00, "")), "unknown");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, 0x00, "any bytes")), "unknown");
}

CAF_TEST(a_proxy_may_speak_for_itself) {
  CAF_CHECK_EQUAL(meaning(v2(local_command, 0x00, "")), "local");
  // Whatever comes with it is discarded.
  CAF_CHECK_EQUAL(meaning(v2(local_command, tcp4, ipv4)), "local");
  CAF_CHECK_EQUAL(meaning(v2(local_command, 0x77, "any bytes")), "local");
  CAF_CHECK_EQUAL(meaning(local_proxy_header()), "local");
  CAF_CHECK_EQUAL(read(local_proxy_header()).size, local_proxy_header().size());
}

CAF_TEST(a_header_of_version_2_that_breaks_a_rule_is_wrong) {
  for (const char command : {0x00, 0x01, 0x10, 0x11, 0x22, 0x2f, 0x31})
    CAF_CHECK_EQUAL(meaning(v2(command, tcp4, ipv4)), "wrong");
  for (const int family :
       {0x01, 0x02, 0x10, 0x13, 0x20, 0x23, 0x30, 0x33, 0x40, 0x41, 0xff})
    CAF_CHECK_EQUAL(meaning(v2(proxy_command, static_cast<char>(family),
                               std::string(300, '\0'))),
                    "wrong");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, tcp4, ipv4.substr(1))), "wrong");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, tcp4, "")), "wrong");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, tcp6, ipv6.substr(1))), "wrong");
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, 0x31, std::string(215, 'p'))),
                  "wrong");
}

CAF_TEST(other_attributes_are_skipped_if_they_are_sound) {
  const auto with = [](const std::string& tlvs) {
    return meaning(v2(proxy_command, tcp4, ipv4 + tlvs));
  };
  CAF_CHECK_EQUAL(with(tlv(0x01, "h2") + tlv(0x04, "") + tlv(0x20, "\1\0\0"s)),
                  "1.2.3.4 258");
  CAF_CHECK_EQUAL(with(tlv(0x05, std::string(7000, 'i'))), "1.2.3.4 258");
  CAF_CHECK_EQUAL(with("\x04"s), "wrong");
  CAF_CHECK_EQUAL(with("\x04\x00"s), "wrong");
  CAF_CHECK_EQUAL(with("\x04\x00\x01"s), "wrong");
  CAF_CHECK_EQUAL(with(tlv(0x04, "") + "\x04\x00\x09too few"s), "wrong");
}

CAF_TEST(a_checksum_is_checked) {
  // Another way to compute it than that of the source: from the highest bit,
  // with the polynomial as the standard prints it.
  const auto checksum_of = [](const std::string& bytes) {
    std::uint32_t crc = 0xffffffff;
    const auto reversed = [](std::uint32_t value, int bits) {
      std::uint32_t result = 0;
      for (int i = 0; i < bits; ++i)
        result |= (value >> static_cast<unsigned>(i) & 1U)
                  << static_cast<unsigned>(bits - 1 - i);
      return result;
    };
    for (const char byte : bytes) {
      crc ^= reversed(static_cast<unsigned char>(byte), 8) << 24U;
      for (int bit = 0; bit < 8; ++bit)
        crc = crc << 1U ^ ((crc & 0x80000000U) != 0 ? 0x1edc6f41U : 0U);
    }
    return ~reversed(crc, 32);
  };
  CAF_CHECK_EQUAL(checksum_of("123456789"), 0xe3069283u);  // RFC 3720's check
  const auto zeroed =
      v2(proxy_command, tcp4,
         ipv4 + tlv(0x03, std::string(4, '\0')) + tlv(0x04, "padding"));
  const auto crc = checksum_of(zeroed);
  auto right = zeroed;
  const auto at = 16 + ipv4.size() + 3;
  right.replace(at, 4, two_bytes(crc >> 16U) + two_bytes(crc & 0xffffU));
  CAF_CHECK_EQUAL(meaning(right), "1.2.3.4 258");
  CAF_CHECK_EQUAL(meaning(zeroed), "wrong");
  for (std::size_t i = 16; i < right.size(); ++i) {
    if (i == at - 3) continue;  // as another type it is no checksum
    auto damaged = right;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    CAF_CHECK(meaning(damaged) != "1.2.3.4 258");
  }
  CAF_CHECK_EQUAL(meaning(v2(proxy_command, tcp4, ipv4 + tlv(0x03, "abc"))),
                  "wrong");
}

CAF_TEST(a_header_may_come_byte_by_byte_and_ends_where_it_ends) {
  const std::string request = "GET / HTTP/1.1\r\n\r\n";
  for (const auto& header :
       {"PROXY TCP4 1.2.3.4 5.6.7.8 258 443\r\n"s, "PROXY UNKNOWN\r\n"s,
        v2(proxy_command, tcp4, ipv4), v2(local_command, 0, ""),
        v2(proxy_command, tcp6, ipv6 + tlv(0x04, std::string(500, 'n')))}) {
    const auto all = header + request;
    for (std::size_t length = 0; length < header.size(); ++length)
      CAF_CHECK(read(all.substr(0, length)).state == state::more);
    for (std::size_t length = header.size(); length <= all.size(); ++length) {
      const auto result = read(all.substr(0, length));
      CAF_CHECK(result.state == state::done);
      CAF_CHECK_EQUAL(result.size, header.size());
    }
  }
}

CAF_TEST(what_cannot_begin_a_header_is_wrong_at_its_first_byte) {
  for (const auto& bytes :
       {"G"s, "GET / HTTP/1.1\r\n"s, "PROXX"s, "proxy TCP4"s, "\r\n\r\nG"s,
        "\x16\x03\x01"s, "\r\n\r\n\0\r\nQUIT\r"s, "\0"s, " PROXY "s})
    CAF_CHECK_EQUAL(meaning(bytes), "wrong");
}

CAF_TEST(a_header_over_the_limit_is_wrong_before_it_has_come) {
  const auto header =
      v2(proxy_command, tcp4, ipv4 + tlv(0x04, std::string(469, 'n')));
  CAF_CHECK_EQUAL(header.size(), 500u);
  CAF_CHECK_EQUAL(meaning(header, 500), "1.2.3.4 258");
  CAF_CHECK_EQUAL(meaning(header, 499), "wrong");
  CAF_CHECK_EQUAL(meaning(header.substr(0, 16), 499), "wrong");
  CAF_CHECK_EQUAL(meaning(header.substr(0, 15), 499), "more");
  CAF_CHECK_EQUAL(meaning(signature + "\x20\x11\xff\xff"s), "wrong");
}
