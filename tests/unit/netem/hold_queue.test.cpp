#include "compose/netem/hold_queue.hpp"

#include <caf/test/unit_test.hpp>

#include <random>
#include <vector>

using namespace status2::netem;
using namespace std::chrono_literals;

namespace {

const time_point start{1h};

held_packet due_at(std::uint32_t id, std::chrono::nanoseconds offset) {
  return {id, start, start + offset};
}

std::vector<std::uint32_t> ids_due(hold_queue& queue, time_point now) {
  std::vector<std::uint32_t> ids;
  while (const auto packet = queue.pop_due(now))
    ids.push_back(packet->id);
  return ids;
}

using ids = std::vector<std::uint32_t>;

}  // namespace

CAF_TEST(an_empty_queue_has_nothing_due) {
  hold_queue queue;
  CAF_CHECK(!queue.next_due());
  CAF_CHECK(!queue.pop_due(start + 1h));
}

CAF_TEST(packets_leave_in_the_order_in_which_they_are_due) {
  hold_queue queue;
  queue.push(due_at(1, 30ms));
  queue.push(due_at(2, 10ms));
  queue.push(due_at(3, 20ms));
  CAF_CHECK(queue.next_due() == start + 10ms);
  CAF_CHECK_EQUAL(ids_due(queue, start + 1s), (ids{2, 3, 1}));
}

CAF_TEST(a_packet_leaves_at_its_time_and_not_a_nanosecond_before) {
  hold_queue queue;
  queue.push(due_at(1, 10ms));
  queue.push(due_at(2, 11ms));
  CAF_CHECK_EQUAL(ids_due(queue, start + 10ms - 1ns), ids{});
  CAF_CHECK_EQUAL(ids_due(queue, start + 10ms), ids{1});
  CAF_CHECK_EQUAL(queue.size(), 1u);
  CAF_CHECK(queue.next_due() == start + 11ms);
}

CAF_TEST(packets_due_at_the_same_time_leave_as_they_came) {
  hold_queue queue;
  ids wanted;
  for (std::uint32_t id = 100; id > 0; --id) {
    queue.push(due_at(id, 5ms));
    wanted.push_back(id);
  }
  CAF_CHECK_EQUAL(ids_due(queue, start + 5ms), wanted);
}

CAF_TEST(pushed_and_popped_in_turns_no_packet_overtakes_an_earlier_one) {
  hold_queue queue;
  std::mt19937 engine(1);
  std::uint32_t pushed = 0, popped = 0;
  for (int step = 0; step < 2000; ++step) {
    const auto now = step * 1ms;
    for (int burst = 0; burst < 3; ++burst)
      queue.push(due_at(pushed++, now + engine() % 50 * 1ms));
    time_point last = start;
    while (const auto packet = queue.pop_due(start + now)) {
      CAF_CHECK(packet->due >= last);
      CAF_CHECK(packet->due <= start + now);
      last = packet->due;
      ++popped;
    }
    CAF_CHECK(!queue.next_due() || *queue.next_due() > start + now);
  }
  CAF_CHECK_EQUAL(popped + queue.size(), pushed);
}
