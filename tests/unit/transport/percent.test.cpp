// Percent-encoding.
#include "transport/percent.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using status2::transport::percent_decoded;

CAF_TEST(two_digits_behind_a_percent_sign_are_a_byte) {
  CAF_CHECK(percent_decoded("") == std::string());
  CAF_CHECK(percent_decoded("a%3Ab%3ac") == std::string("a:b:c"));
  CAF_CHECK(percent_decoded("%00%ff") == std::string("\0\xff", 2));
  CAF_CHECK(percent_decoded("a+b") == std::string("a+b"));
  CAF_CHECK(percent_decoded("%2541") == std::string("%41"));
}

CAF_TEST(anything_else_behind_a_percent_sign_is_an_error) {
  for (const auto* text : {"%", "%4", "%4g", "%g4", "a%", "a%2"})
    CAF_CHECK(!percent_decoded(text));
}
