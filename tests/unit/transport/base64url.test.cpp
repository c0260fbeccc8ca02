// base64url as tokens have it.
#include "transport/base64url.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::transport;

CAF_TEST(bytes_come_back) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    CAF_CHECK(from_base64url(base64url(bytes)) == bytes);
    bytes += static_cast<char>(i);
  }
  // RFC 7515, appendix C.
  CAF_CHECK_EQUAL(base64url("\x03\xec\xff\xe0\xc1"), "A-z_4ME");
}

CAF_TEST(other_characters_and_lengths_are_refused) {
  for (const auto* text : {"A", "AAAAA", "AA==", "A+A/", "A A", "\xff\xff\xff"})
    CAF_CHECK(!from_base64url(text));
  CAF_CHECK(from_base64url("") == std::string());
}
