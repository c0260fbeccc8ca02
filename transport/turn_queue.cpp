#include "transport/turn_queue.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace status2::transport {

void turn_queue::add(std::function<void()> work) {
  waiting_.push_back(std::move(work));
  if (waiting_.size() == 1) wait_for_turn();
}

void turn_queue::wait_for_turn() {
  // Asio asks for ready sockets between two handlers.
  boost::asio::post(loop_, [this] {
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    if (!waiting_.empty()) wait_for_turn();
    work();
  });
}

}  // namespace status2::transport
