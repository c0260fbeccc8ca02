/// Work that would keep a loop's other sockets waiting, done piece by piece.
#pragma once

#include <boost/asio/io_context.hpp>

#include <deque>
#include <functional>

namespace status2::transport {

/// One piece in a turn of the loop, in their order; sockets that are ready come
/// in between. Thread: that of the loop.
class turn_queue {
 public:
  explicit turn_queue(boost::asio::io_context& loop) : loop_(loop) {}

  /// `work` must not throw. Whoever adds it bounds how much waits.
  void add(std::function<void()> work);

 private:
  void wait_for_turn();

  boost::asio::io_context& loop_;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace status2::transport
