#include "redis/subscribed_connection.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

using time_point = subscribed_connection::time_point;

/// A connection whose first request took 10 ms, and then a PING 2 ms.
struct fixture {
  fixture() {
    of.open = true;
    of.ledger.subscribe({"a"}, now);
    of.ledger.answered(request_ledger::kind::subscribe, "a");
    read(now + 10ms);
    for (int i = 0; i < 4; ++i)
      pong_after(2ms);
  }
  void pong_after(std::chrono::milliseconds time) {
    of.ledger.ping(now);
    now += time;
    of.ledger.ponged();
    read(now, true);
  }
  reply_batch read(time_point at, bool ponged = false, std::size_t bytes = 10,
                   bool drained = true) {
    reply_batch batch;
    batch.bytes.assign(bytes, 'x');
    batch.read_at = at;
    batch.drained = drained;
    of.note_read(batch, ponged, at);
    return batch;
  }
  subscribed_connection of{1};
  time_point now{1h};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(subscribed_connection_tests, fixture)

CAF_TEST(a_read_of_everything_is_complete_but_for_the_round_trip) {
  CAF_CHECK(read(now + 5ms).complete_until == now + 3ms);
  CAF_CHECK(of.complete_until() == now + 3ms);
}

CAF_TEST(the_longest_of_the_last_round_trips_counts) {
  pong_after(20ms);
  CAF_CHECK(read(now + 50ms).complete_until == now + 30ms);
  for (int i = 0; i < 4; ++i)
    pong_after(2ms);
  CAF_CHECK(read(now + 50ms).complete_until == now + 48ms);
}

CAF_TEST(a_read_that_may_have_left_something_waits_for_the_answer_to_a_ping) {
  const auto check = [this](std::size_t bytes, bool drained) {
    const auto before = of.complete_until();
    CAF_CHECK(read(now + 100ms, false, bytes, drained).complete_until ==
              before);
    CAF_CHECK(of.needs_marker(now + 100ms));
    of.ledger.ping(now + 101ms);
    CAF_CHECK(!of.needs_marker(now + 101ms));
    CAF_CHECK(read(now + 102ms).complete_until == before);
    of.ledger.ponged();
    CAF_CHECK(read(now + 140ms, true).complete_until == now + 101ms);
    now += 1s;
  };
  check(20000, true);
  check(10, false);
}

CAF_TEST(what_is_complete_never_goes_back) {
  const auto before = read(now + 50ms).complete_until;
  CAF_CHECK(read(now + 40ms).complete_until == before);
}

CAF_TEST(a_request_without_an_answer_is_overdue_unless_something_is_read) {
  of.ledger.ping(now);
  CAF_CHECK(!of.overdue(1s, now + 999ms));
  CAF_CHECK(of.overdue(1s, now + 1s));
  read(now + 500ms);
  CAF_CHECK(!of.overdue(1s, now + 1s));
  CAF_CHECK(of.overdue(1s, now + 1500ms));
  CAF_CHECK(of.next_deadline(1s) == now + 1500ms);
}

CAF_TEST_FIXTURE_SCOPE_END()
