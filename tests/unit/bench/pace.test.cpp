#include "tests/bench/pace.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdint>
#include <optional>

using status2::bench::pace;

namespace {

constexpr std::uint64_t begin = 1'000'000;
constexpr std::uint64_t millisecond = 1'000'000;

}  // namespace

CAF_TEST(the_first_message_is_due_at_once) {
  pace hundred(100, begin);
  CAF_CHECK(hundred.take(begin) == std::uint64_t{0});
  CAF_CHECK(hundred.take(begin) == std::nullopt);
}

CAF_TEST(the_next_is_due_one_period_later_and_not_before) {
  pace hundred(100, begin);
  hundred.take(begin);
  CAF_CHECK(hundred.take(begin + 10 * millisecond - 1) == std::nullopt);
  CAF_CHECK(hundred.take(begin + 10 * millisecond) == std::uint64_t{0});
}

CAF_TEST(after_a_pause_all_that_was_due_is_taken_with_its_own_lateness) {
  pace hundred(100, begin);
  const std::uint64_t later = begin + 25 * millisecond;
  CAF_CHECK(hundred.take(later) == 25 * millisecond);
  CAF_CHECK(hundred.take(later) == 15 * millisecond);
  CAF_CHECK(hundred.take(later) == 5 * millisecond);
  CAF_CHECK(hundred.take(later) == std::nullopt);
}
