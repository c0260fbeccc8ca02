// The loop's timers and its thread. Needs a clock, and waits for nothing else.
#include "transport/io_loop.hpp"

#include <boost/asio/post.hpp>
#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <poll.h>
#include <thread>
#include <vector>

using namespace status2::transport;
using namespace std::chrono_literals;

namespace {

/// Keeps the loop from running, as a stopped process does.
void block_for(int milliseconds) {
  ::poll(nullptr, 0, milliseconds);
}

struct probe : wheel_timer {
  std::function<void()> action;
  void on_timer() override { action(); }
};

}  // namespace

CAF_TEST(an_earlier_timer_overtakes_a_later_one) {
  io_loop loop(0);
  probe later;
  probe earlier;
  std::string order;
  later.action = [&] {
    order += "later";
    loop.stop();
  };
  earlier.action = [&] { order += "earlier "; };
  const auto start = io_loop::clock::now();
  loop.arm(later, start + 60ms);
  loop.arm(earlier, start + 20ms);
  loop.run();
  CAF_CHECK_EQUAL(order, "earlier later");
  CAF_CHECK(io_loop::clock::now() >= start + 60ms);
}

CAF_TEST(a_timer_may_arm_itself_again) {
  io_loop loop(0);
  probe timer;
  int fired = 0;
  timer.action = [&] {
    if (++fired == 3)
      loop.stop();
    else
      loop.arm(timer, loop.now() + 10ms);
  };
  loop.arm(timer, loop.now());
  loop.run();
  CAF_CHECK_EQUAL(fired, 3);
}

CAF_TEST(the_loop_runs_without_work_until_it_is_stopped) {
  io_loop loop(7);
  CAF_CHECK_EQUAL(loop.index(), 7u);
  CAF_CHECK(!loop.running_here());
  bool inside = false;
  std::thread other([&] { loop.run(); });
  boost::asio::post(loop.context(), [&] {
    inside = loop.running_here();
    loop.stop();
  });
  other.join();
  CAF_CHECK(inside);
}

CAF_TEST(a_stall_moves_every_deadline_by_its_length) {
  io_loop loop(0);
  std::vector<std::chrono::nanoseconds> stalls;
  loop.on_stall(
      [&](std::chrono::nanoseconds length) { stalls.push_back(length); });
  probe deadline;
  bool read_before = false;
  bool judged_after_read = false;
  deadline.action = [&] {
    judged_after_read = read_before;
    loop.stop();
  };
  const auto start = loop.now();
  loop.arm(deadline, start + 200ms);
  // The loop does not run for a second; meanwhile a client speaks.
  boost::asio::post(loop.context(), [&] {
    block_for(1000);
    boost::asio::post(loop.context(), [&] { read_before = true; });
  });
  loop.run();
  CAF_CHECK(judged_after_read);
  CAF_REQUIRE_EQUAL(stalls.size(), 1u);
  CAF_CHECK(stalls[0] > 500ms);
  CAF_CHECK(loop.now() >= start + 200ms);
  CAF_CHECK(io_loop::clock::now() >= start + 1s);
  CAF_CHECK_EQUAL(loop.counters().stalls.value(), 1);
}

CAF_TEST(the_time_of_clients_neither_jumps_over_a_stall_nor_goes_back) {
  io_loop loop(0);
  probe deadline;
  std::vector<io_loop::clock::time_point> times;
  const auto note = [&] { times.push_back(loop.now()); };
  deadline.action = [&] {
    note();
    loop.stop();
  };
  const auto start = loop.now();
  loop.arm(deadline, start + 50ms);
  boost::asio::post(loop.context(), [&] {
    note();
    block_for(1000);
    // The stall is over, and the loop has yet to notice it.
    note();
    boost::asio::post(loop.context(), note);
  });
  loop.run();
  note();
  CAF_REQUIRE_EQUAL(times.size(), 5u);
  CAF_CHECK(std::ranges::is_sorted(times));
  // The timer is due at the next tick of the wheel.
  CAF_CHECK(times[2] <=
            start + 50ms + timer_wheel::tick + io_loop::longest_delay);
}

CAF_TEST(timers_fire_in_a_loop_that_is_always_late) {
  io_loop loop(0);
  probe deadline;
  int fired = 0;
  deadline.action = [&] {
    if (++fired == 3) loop.stop();
    loop.arm(deadline, loop.now());
  };
  loop.arm(deadline, loop.now());
  const std::function<void()> burden = [&] {
    block_for(250);
    boost::asio::post(loop.context(), burden);
  };
  boost::asio::post(loop.context(), burden);
  loop.run();
  CAF_CHECK_EQUAL(fired, 3);
}

CAF_TEST(a_stall_inside_a_timer_is_not_the_time_of_the_others) {
  io_loop loop(0);
  probe slow;
  io_loop::clock::time_point after;
  const auto start = loop.now();
  slow.action = [&] {
    block_for(1000);
    after = loop.now();
    loop.stop();
  };
  loop.arm(slow, start + 50ms);
  loop.run();
  CAF_CHECK(after <= start + 50ms + timer_wheel::tick + io_loop::longest_delay);
}

CAF_TEST(a_stall_between_distant_timers_is_noticed) {
  io_loop loop(0);
  std::chrono::nanoseconds stalled{};
  loop.on_stall([&](std::chrono::nanoseconds length) {
    stalled = length;
    loop.stop();
  });
  probe deadline;
  deadline.action = [] {};
  loop.arm(deadline, loop.now() + 1h);
  boost::asio::post(loop.context(), [&] { block_for(2000); });
  loop.run();
  // A tick is due each second.
  CAF_CHECK(stalled > 500ms);
}
