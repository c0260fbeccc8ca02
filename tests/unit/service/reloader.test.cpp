#include "service/reloader.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <caf/test/unit_test.hpp>

#include <future>
#include <stdexcept>
#include <string>

using namespace status2::service;

CAF_TEST(requests during a read are answered by one more) {
  boost::asio::io_context loop;
  // run_one() waits for the thread of the reloader.
  const auto work = boost::asio::make_work_guard(loop);
  std::promise<void> go_on;
  const auto held = go_on.get_future().share();
  int reads = 0;
  int swaps = 0;
  reloader reload(
      loop,
      [&]() -> reloader::swap {
        held.wait();
        ++reads;
        return [&] { ++swaps; };
      },
      [](const std::string&) {});
  reload.request();
  reload.request();
  reload.request();
  CAF_CHECK_EQUAL(swaps, 0);
  go_on.set_value();
  while (swaps < 2)
    loop.run_one();
  // The loop has nothing left to do: there is no third.
  CAF_CHECK_EQUAL(loop.poll(), 0u);
  CAF_CHECK_EQUAL(reads, 2);
}

CAF_TEST(a read that throws fails and the next one is another) {
  boost::asio::io_context loop;
  const auto work = boost::asio::make_work_guard(loop);
  std::string error;
  reloader reload(
      loop, []() -> reloader::swap { throw std::runtime_error("no memory"); },
      [&](const std::string& text) { error += text; });
  reload.request();
  loop.run_one();
  CAF_CHECK_EQUAL(error, "no memory");
  reload.request();
  loop.run_one();
  CAF_CHECK_EQUAL(error, "no memoryno memory");
}
