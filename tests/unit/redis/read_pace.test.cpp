#include "redis/read_pace.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

constexpr auto interval = 500us;
const read_pace::clock::time_point start{1h};

/// How long after a read that kept the thread `busy` the next one may be.
read_pace::clock::duration next_after(read_pace::clock::duration busy) {
  read_pace pace{interval};
  pace.read(start);
  pace.done(start + busy);
  return pace.due() - start;
}

}  // namespace

CAF_TEST(reads_are_an_interval_apart) {
  CAF_CHECK(next_after(0us) == interval);
  CAF_CHECK(next_after(62500ns) == interval);
}

CAF_TEST(a_busy_thread_reads_up_to_an_interval_later) {
  CAF_CHECK(next_after(62501ns) > interval);
  CAF_CHECK(next_after(100us) == 800us);
  CAF_CHECK(next_after(125us) == 2 * interval);
}

CAF_TEST(work_that_took_longer_than_that_delays_nothing) {
  CAF_CHECK(next_after(2900us) == 2 * interval);
}

CAF_TEST(done_without_a_read_changes_nothing_for_the_worse) {
  read_pace pace{interval};
  pace.done(start);
  CAF_CHECK(pace.due() <= start);
}

CAF_TEST(reads_are_dense_if_they_come_as_soon_as_they_may) {
  read_pace pace{interval};
  pace.read(start);
  CAF_CHECK(!pace.dense());
  pace.read(start + 749us);
  CAF_CHECK(pace.dense());
  pace.read(start + 1499us);
  CAF_CHECK(!pace.dense());
  pace.done(start + 1699us);  // the next one may be at 2499 us
  pace.read(start + 2700us);
  CAF_CHECK(pace.dense());
}

CAF_TEST(without_an_interval_there_is_no_pace) {
  CAF_CHECK(read_pace{0ns}.off());
  CAF_CHECK(!read_pace{1ns}.off());
}
