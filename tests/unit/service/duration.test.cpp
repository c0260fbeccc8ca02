#include "service/duration.hpp"

#include <caf/test/unit_test.hpp>

#include <limits>

using namespace std::chrono_literals;
using status2::service::parse_duration;

namespace {

void check_equal(const char* text, std::chrono::nanoseconds expected) {
  const auto value = parse_duration(text);
  CAF_MESSAGE(text);
  CAF_REQUIRE(value.has_value());
  CAF_CHECK_EQUAL(value->count(), expected.count());
}

}  // namespace

CAF_TEST(every unit of go is read) {
  check_equal("2h", 2h);
  check_equal("3m", 3min);
  check_equal("5s", 5s);
  check_equal("150ms", 150ms);
  check_equal("7us", 7us);
  check_equal("8\u00b5s", 8us);
  check_equal("9\u03bcs", 9us);
  check_equal("10ns", 10ns);
}

CAF_TEST(sums and fractions and signs are read) {
  check_equal("1m30s", 90s);
  check_equal("1h2m3.5s", 1h + 2min + 3500ms);
  check_equal("1.5h", 90min);
  check_equal(".5s", 500ms);
  check_equal("1.s", 1s);
  check_equal("0", 0s);
  check_equal("0s", 0s);
  check_equal("+5s", 5s);
  check_equal("-1.5s", -1500ms);
  check_equal("5s5s", 10s);
}

CAF_TEST(a fraction below a nanosecond is cut) {
  check_equal("0.9999999999s", 999999999ns);
  check_equal("1.00000000000000000000000000000000001s", 1s);
  check_equal("0.3333333333333333333h", 20min - 1ns);
}

CAF_TEST(the largest duration is read and one more is not ) {
  check_equal(
      "9223372036854775807ns",
      std::chrono::nanoseconds{std::numeric_limits<std::int64_t>::max()});
  CAF_CHECK(!parse_duration("9223372036854775808ns"));
  CAF_CHECK(!parse_duration("99999999999999999999999999999h"));
  CAF_CHECK(!parse_duration("2562048h"));
  CAF_CHECK(!parse_duration("2562047h60m"));
}

CAF_TEST(what is no duration is refused) {
  for (const char* text :
       {"",     "5",   "s",     ".s",    ".",      "-",    "+",
        "--5s", "5 s", " 5s",   "5s ",   "5x",     "5S",   "1e3s",
        "1m30", "5d",  "1..5s", "\xb5s", "5\xb5s", "0x5s", "1_0s"}) {
    CAF_MESSAGE(text);
    CAF_CHECK(!parse_duration(text));
  }
}
