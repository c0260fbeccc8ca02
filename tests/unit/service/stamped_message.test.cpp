#include "service/stamped_message.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::service;
using namespace std::chrono_literals;

namespace {

const std::chrono::system_clock::time_point noon{1700000000123456us};

}  // namespace

CAF_TEST(a stamped message says its number and its time) {
  CAF_CHECK_EQUAL(stamped_message(7, noon, 0),
                  R"({"seq":7,"t":1700000000123.456,"pad":""})");
}

CAF_TEST(a stamped message is filled up to its size) {
  const auto text = stamped_message(7, noon, 64);
  CAF_CHECK_EQUAL(text.size(), 64u);
  CAF_CHECK(text.ends_with(R"(xxx"})"));
}

CAF_TEST(the stamp is read back) {
  const auto stamp = stamp_of(stamped_message(1u << 31, noon, 128));
  CAF_REQUIRE(stamp.has_value());
  const auto off = *stamp - noon;
  CAF_CHECK(off < 2us && off > -2us);
  for (const char* text : {"", "ready", R"({"seq":1,"t":"late"})"})
    CAF_CHECK(!stamp_of(text).has_value());
}

CAF_TEST(a percentile is the smallest value that its share does not exceed) {
  std::vector<double> none;
  CAF_CHECK_EQUAL(percentile(none, 0.5), 0.0);
  std::vector<double> values{4, 1, 3, 2};
  CAF_CHECK_EQUAL(percentile(values, 0.5), 2.0);
  CAF_CHECK_EQUAL(percentile(values, 0.51), 3.0);
  CAF_CHECK_EQUAL(percentile(values, 1), 4.0);
  CAF_CHECK_EQUAL(percentile(values, 0), 1.0);
}
