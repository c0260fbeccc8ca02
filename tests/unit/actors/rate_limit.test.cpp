#include "actors/rate_limit.hpp"

#include <caf/test/unit_test.hpp>

using namespace std::chrono_literals;
using status2::actors::rate_limit;

CAF_TEST(as many lines as allowed pass within a second) {
  rate_limit limit{2};
  const rate_limit::time_point start{100s};
  CAF_CHECK(limit.admit(start) == 0u);
  CAF_CHECK(limit.admit(start + 1ms) == 0u);
  CAF_CHECK(!limit.admit(start + 2ms));
  CAF_CHECK(!limit.admit(start + 999ms));
}

CAF_TEST(the next line that passes tells how many were held back) {
  rate_limit limit{1};
  const rate_limit::time_point start{0s};
  CAF_CHECK(limit.admit(start) == 0u);
  CAF_CHECK(!limit.admit(start + 1ms));
  CAF_CHECK(!limit.admit(start + 2ms));
  CAF_CHECK(limit.admit(start + 1s) == 2u);
  CAF_CHECK(limit.admit(start + 2s) == 0u);
}
