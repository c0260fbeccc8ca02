#include "transport/io_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <csignal>

namespace status2::transport {

io_loop::io_loop(std::size_t index, io_backend backend)
    : sender_(backend, counters_),
      wheel_(clock::now()),
      index_(index),
      context_(1),
      sockets_(context_),
      ticker_(context_) {}

void io_loop::run() {
  // Native AIO cannot be told not to raise it.
  sigset_t broken_pipe;
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  const auto work = boost::asio::make_work_guard(context_);
  context_.run();
}

void io_loop::stop() {
  context_.stop();
}

bool io_loop::running_here() const {
  // The executor of a const context is not to be had; asking changes nothing.
  auto& context = const_cast<boost::asio::io_context&>(context_);
  return context.get_executor().running_in_this_thread();
}

void io_loop::arm(wheel_timer& timer, clock::time_point due) {
  const auto fires = wheel_.arm(timer, due);
  if (fires < ticker_due_) tick_at(fires);
}

void io_loop::tick_at(clock::time_point due) {
  ticker_due_ = due;
  ticker_.expires_at(due);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_tick();
  });
}

void io_loop::on_tick() {
  ticker_due_ = clock::time_point::max();
  wheel_.expire(clock::now());
  sender_.flush();
  const auto due = wheel_.next_due();
  if (due && *due < ticker_due_) tick_at(*due);
}

}  // namespace status2::transport
