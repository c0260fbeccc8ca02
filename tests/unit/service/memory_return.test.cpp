// When memory that is no longer needed goes back to the kernel.
#include "service/memory_return.hpp"

#include <caf/test/unit_test.hpp>

using status2::service::return_rule;

namespace {

constexpr std::int64_t mb = 1048576;

}  // namespace

CAF_TEST(memory_is_returned_once_after_a_peak) {
  return_rule rule;
  CAF_CHECK(!rule.due(2 * mb));
  CAF_CHECK(!rule.due(100 * mb));
  // It still falls.
  CAF_CHECK(!rule.due(50 * mb));
  CAF_CHECK(!rule.due(2 * mb));
  CAF_CHECK(rule.due(2 * mb));
  CAF_CHECK(!rule.due(2 * mb));
}

CAF_TEST(small_changes_return_nothing) {
  return_rule rule;
  for (int i = 0; i < 100; ++i) {
    CAF_CHECK(!rule.due(20 * mb));
    CAF_CHECK(!rule.due(13 * mb));
    CAF_CHECK(!rule.due(13 * mb));
  }
}

CAF_TEST(each_peak_is_followed_by_a_return) {
  return_rule rule;
  for (int i = 0; i < 3; ++i) {
    rule.due(64 * mb);
    rule.due(mb);
    CAF_CHECK(rule.due(mb));
  }
}

CAF_TEST(memory_that_grows_is_kept) {
  return_rule rule;
  for (std::int64_t kept = 0; kept < 100 * mb; kept += mb)
    CAF_CHECK(!rule.due(kept));
}
