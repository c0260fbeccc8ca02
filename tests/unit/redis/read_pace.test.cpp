#include "redis/read_pace.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

const read_pace::clock::time_point start{1h};

}  // namespace

CAF_TEST(the_next_read_is_an_interval_after_the_last) {
  read_pace pace{500us};
  pace.read(start, 3);
  pace.done(start + 100us);
  CAF_CHECK(pace.due() == start + 500us);
}

CAF_TEST(work_that_took_longer_than_the_interval_delays_nothing) {
  read_pace pace{500us};
  pace.read(start, 1);
  pace.done(start + 2900us);
  CAF_CHECK(pace.due() <= start + 2900us);
}

CAF_TEST(a_lone_reply_that_took_long_is_followed_by_a_pause_twice_as_long) {
  read_pace pace{500us};
  pace.read(start, 1);
  pace.done(start + 4ms);
  CAF_CHECK(pace.due() == start + 12ms);
}

CAF_TEST(that_pause_has_an_end) {
  read_pace pace{500us};
  pace.read(start, 1);
  pace.done(start + 40ms);
  CAF_CHECK(pace.due() == start + 50ms);
}

CAF_TEST(where_replies_come_together_already_there_is_no_such_pause) {
  read_pace pace{500us};
  pace.read(start, 2);
  pace.done(start + 8ms);
  CAF_CHECK(pace.due() <= start + 8ms);
}

CAF_TEST(reads_are_dense_if_less_than_one_and_a_half_intervals_apart) {
  read_pace pace{500us};
  pace.read(start, 1);
  CAF_CHECK(!pace.dense());
  pace.read(start + 749us, 1);
  CAF_CHECK(pace.dense());
  pace.read(start + 1499us, 1);
  CAF_CHECK(!pace.dense());
}

CAF_TEST(without_an_interval_there_is_no_pace) {
  CAF_CHECK(read_pace{0ns}.off());
  CAF_CHECK(!read_pace{1ns}.off());
}
