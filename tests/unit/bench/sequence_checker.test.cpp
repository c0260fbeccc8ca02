#include "tests/bench/sequence_checker.hpp"

#include <caf/test/unit_test.hpp>

#include <initializer_list>

using status2::bench::sequence_checker;

namespace {

sequence_checker after(std::initializer_list<std::uint64_t> numbers) {
  sequence_checker checker;
  for (const std::uint64_t number : numbers)
    checker.receive(number);
  return checker;
}

}  // namespace

CAF_TEST(an_unbroken_sequence_has_no_fault) {
  const auto seen = after({0, 1, 2, 3});
  CAF_CHECK_EQUAL(seen.lost(4), 0u);
  CAF_CHECK_EQUAL(seen.duplicated(), 0u);
  CAF_CHECK_EQUAL(seen.reordered(), 0u);
}

CAF_TEST(messages_missing_at_the_start_in_the_middle_and_at_the_end_are_lost) {
  const auto seen = after({2, 3, 7});
  CAF_CHECK_EQUAL(seen.lost(10), 7u);
  CAF_CHECK_EQUAL(seen.reordered(), 0u);
  CAF_CHECK_EQUAL(sequence_checker().lost(5), 5u);
}

CAF_TEST(only_published_numbers_can_be_lost) {
  const auto seen = after({0, 5});
  CAF_CHECK_EQUAL(seen.lost(3), 2u);
}

CAF_TEST(a_number_that_comes_twice_is_duplicated) {
  const auto seen = after({0, 1, 1, 0});
  CAF_CHECK_EQUAL(seen.duplicated(), 2u);
  CAF_CHECK_EQUAL(seen.lost(2), 0u);
}

CAF_TEST(a_late_number_is_reordered_and_not_lost) {
  const auto seen = after({0, 5, 3, 1, 4, 2});
  CAF_CHECK_EQUAL(seen.reordered(), 4u);
  CAF_CHECK_EQUAL(seen.duplicated(), 0u);
  CAF_CHECK_EQUAL(seen.lost(6), 0u);
}

CAF_TEST(a_late_number_that_comes_again_is_duplicated) {
  const auto seen = after({0, 2, 1, 1});
  CAF_CHECK_EQUAL(seen.reordered(), 1u);
  CAF_CHECK_EQUAL(seen.duplicated(), 1u);
}
