// Whole numbers in texts.
#include "transport/number.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdint>

using status2::transport::parse_number;

CAF_TEST(digits_are_a_number) {
  CAF_CHECK(parse_number<std::uint16_t>("0") == 0);
  CAF_CHECK(parse_number<std::uint16_t>("0012") == 12);
  CAF_CHECK(parse_number<std::uint16_t>("65535") == 65535);
  CAF_CHECK(parse_number<std::uint64_t>("18446744073709551615") == UINT64_MAX);
}

CAF_TEST(anything_else_is_none) {
  for (const auto* text : {"", "-1", "+1", " 1", "1 ", "1.5", "0x1", "one"})
    CAF_CHECK(!parse_number<std::uint16_t>(text));
}

CAF_TEST(a_number_that_does_not_fit_is_none) {
  CAF_CHECK(!parse_number<std::uint16_t>("65536"));
  CAF_CHECK(!parse_number<std::uint16_t>("88636"));
  CAF_CHECK(!parse_number<std::uint64_t>("18446744073709551616"));
}
