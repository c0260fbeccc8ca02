/// A loop that a test runs itself, until a condition holds.
#pragma once

#include "tests/support/eventually.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace status2::support {

/// Thread: one.
struct loop_fixture {
  boost::asio::io_context loop;

  /// Runs the loop until `condition` holds, for at most 10 s.
  template <class Condition>
  bool runs_until(Condition condition) {
    return eventually(std::chrono::seconds{10}, [&] {
      loop.restart();
      loop.run_for(std::chrono::milliseconds{1});
      return condition();
    });
  }
};

}  // namespace status2::support
