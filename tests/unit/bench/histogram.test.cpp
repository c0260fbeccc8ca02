#include "tests/bench/histogram.hpp"

#include <caf/test/unit_test.hpp>

using status2::bench::histogram;

CAF_TEST(an_empty_histogram_says_zero) {
  const histogram empty;
  CAF_CHECK_EQUAL(empty.quantile(0.99), 0u);
  CAF_CHECK_EQUAL(empty.max(), 0u);
}

CAF_TEST(small_values_are_exact) {
  histogram h;
  for (std::uint64_t value = 1; value <= 100; ++value)
    h.add(value);
  CAF_CHECK_EQUAL(h.quantile(0.50), 50u);
  CAF_CHECK_EQUAL(h.quantile(0.95), 95u);
  CAF_CHECK_EQUAL(h.quantile(0.99), 99u);
  CAF_CHECK_EQUAL(h.quantile(1.0), 100u);
  CAF_CHECK_EQUAL(h.count(), 100u);
}

CAF_TEST(a_quantile_is_at_most_a_64th_above_the_value) {
  for (std::uint64_t value = 1; value < std::uint64_t{1} << 62;
       value = value * 3 + 1) {
    histogram h;
    h.add(value);
    h.add(~std::uint64_t{0});
    CAF_CHECK(h.quantile(0.5) >= value);
    CAF_CHECK(h.quantile(0.5) - value <= value / 64);
  }
}

CAF_TEST(no_quantile_exceeds_the_largest_value) {
  histogram h;
  h.add(1'000'001);
  CAF_CHECK_EQUAL(h.quantile(0.5), 1'000'001u);
  h.add(~std::uint64_t{0});
  CAF_CHECK_EQUAL(h.quantile(1.0), ~std::uint64_t{0});
}
