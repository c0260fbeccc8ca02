#include "service/size.hpp"

#include <caf/test/unit_test.hpp>

using status2::service::parse_count;
using status2::service::parse_size;

namespace {

// By value: CAF_CHECK_EQUAL keeps references to its operands.
std::size_t size_of(const char* text) {
  return parse_size(text).value();
}
std::size_t count_of(const char* text) {
  return parse_count(text).value();
}

}  // namespace

CAF_TEST(bytes and kilobytes and megabytes are read) {
  CAF_CHECK_EQUAL(size_of("0"), 0u);
  CAF_CHECK_EQUAL(size_of("125"), 125u);
  CAF_CHECK_EQUAL(size_of("125B"), 125u);
  CAF_CHECK_EQUAL(size_of("64KB"), 65536u);
  CAF_CHECK_EQUAL(size_of("64kb"), 65536u);
  CAF_CHECK_EQUAL(size_of("1MB"), 1048576u);
}

CAF_TEST(the largest size is read and one more is not ) {
  CAF_CHECK_EQUAL(size_of("18446744073709551615"), 18446744073709551615u);
  CAF_CHECK(!parse_size("18446744073709551616"));
  CAF_CHECK_EQUAL(size_of("18014398509481983KB"), 18446744073709550592u);
  CAF_CHECK(!parse_size("18014398509481984KB"));
  CAF_CHECK(!parse_size("99999999999999999999MB"));
}

CAF_TEST(what is no size is refused) {
  for (const char* text : {"", "KB", "-1", "+1", "1.5MB", "1 KB", "1GB", "1K",
                           "1KBB", "KB1", "0x10", " 1", "1 "}) {
    CAF_MESSAGE(text);
    CAF_CHECK(!parse_size(text));
  }
}

CAF_TEST(a count has no unit) {
  CAF_CHECK_EQUAL(count_of("0"), 0u);
  CAF_CHECK_EQUAL(count_of("10000"), 10000u);
  for (const char* text :
       {"", "1KB", "-1", "+1", "1.0", " 1", "1 ", "18446744073709551616"}) {
    CAF_MESSAGE(text);
    CAF_CHECK(!parse_count(text));
  }
}
