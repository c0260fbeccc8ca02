// The loop's timers and its thread. Needs a clock, and waits for nothing else.
#include "transport/io_loop.hpp"

#include <boost/asio/post.hpp>
#include <caf/test/unit_test.hpp>

#include <functional>
#include <thread>

using namespace status2::transport;
using namespace std::chrono_literals;

namespace {

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
      loop.arm(timer, io_loop::clock::now() + 10ms);
  };
  loop.arm(timer, io_loop::clock::now());
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
