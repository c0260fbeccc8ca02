#include "redis/backoff.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::redis;
using namespace std::chrono_literals;

CAF_TEST(waits_lie_between_the_base_and_a_ceiling_that_doubles) {
  backoff retry{1s, 30s};
  CAF_CHECK(retry.after(1, 0.0) == 1s);
  CAF_CHECK(retry.after(1, 0.5) == 1500ms);
  CAF_CHECK(retry.after(2, 0.5) == 2500ms);
  CAF_CHECK(retry.after(3, 0.0) == 1s);
  CAF_CHECK(retry.after(20, 0.5) == 15500ms);
}

CAF_TEST(no_number_of_failures_waits_longer_than_the_maximum) {
  backoff retry{1s, 30s};
  for (std::uint32_t failure : {5U, 60U, 1000000U, 4294967295U})
    CAF_CHECK(retry.after(failure, 0.999999) <= 30s);
}

CAF_TEST(a_maximum_below_the_base_is_no_trap) {
  backoff retry{2s, 1s};
  CAF_CHECK(retry.after(7, 0.9) == 2s);
}
