#include "redis/read_pace.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

constexpr auto interval = 500us;
const read_pace::clock::time_point start{1h};

/// How long after a read the next one may be, if that one brought `replies`
/// and kept the thread `busy`.
read_pace::clock::duration next_after(std::size_t replies,
                                      read_pace::clock::duration busy) {
  read_pace pace{interval};
  pace.read(start, replies);
  pace.done(start + busy);
  return pace.due() - start;
}

}  // namespace

CAF_TEST(reads_are_an_interval_apart) {
  CAF_CHECK(next_after(1, 0us) == interval);
  CAF_CHECK(next_after(3, 50us) == interval);
}

CAF_TEST(a_busy_thread_reads_up_to_an_interval_later) {
  CAF_CHECK(next_after(3, 100us) == 800us);
  CAF_CHECK(next_after(3, 200us) == 2 * interval);
}

CAF_TEST(work_that_took_longer_than_that_delays_nothing) {
  CAF_CHECK(next_after(1, 2900us) <= 2900us);
  CAF_CHECK(next_after(2, 8ms) <= 8ms);
}

CAF_TEST(a_lone_reply_that_took_long_is_followed_by_a_pause_twice_as_long) {
  CAF_CHECK(next_after(1, 4ms) == 12ms);
}

CAF_TEST(that_pause_has_an_end) {
  CAF_CHECK(next_after(1, 40ms) == 90ms);
}

CAF_TEST(reads_are_dense_if_they_come_as_soon_as_they_may) {
  read_pace pace{interval};
  pace.read(start, 1);
  CAF_CHECK(!pace.dense());
  pace.read(start + 749us, 1);
  CAF_CHECK(pace.dense());
  pace.read(start + 1499us, 1);
  CAF_CHECK(!pace.dense());
  pace.done(start + 5499us);  // a pause of 8 ms
  pace.read(start + 13600us, 1);
  CAF_CHECK(pace.dense());
}

CAF_TEST(without_an_interval_there_is_no_pace) {
  CAF_CHECK(read_pace{0ns}.off());
  CAF_CHECK(!read_pace{1ns}.off());
}
