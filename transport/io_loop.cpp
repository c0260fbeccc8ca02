#include "transport/io_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>
#include <csignal>
#include <utility>

namespace status2::transport {

namespace {

/// Between two ticks, so that a stall between two timers shows.
constexpr std::chrono::seconds longest_interval{1};

}  // namespace

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

io_loop::clock::time_point io_loop::now() const {
  const auto running = clock::now() - stalled_;
  if (ticker_due_ == clock::time_point::max()) return running;
  // An overdue tick: the loop did not run, and on_tick() has yet to note it.
  return std::min(running, ticker_due_ + longest_delay);
}

void io_loop::arm(wheel_timer& timer, clock::time_point due) {
  const auto fires = wheel_.arm(timer, due);
  if (fires < ticker_due_) tick_at(std::min(fires, now() + longest_interval));
}

void io_loop::tick_at(clock::time_point due) {
  ticker_due_ = due;
  ticker_.expires_at(due + stalled_);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_tick();
  });
}

void io_loop::on_tick() {
  const auto late = clock::now() - stalled_ - ticker_due_;
  if (late > longest_delay) {
    note_stall(late);
    if (!std::exchange(sockets_first_, true)) {
      tick_at(now() + longest_delay / 2);
      return;
    }
  }
  sockets_first_ = false;
  // The tick stays due meanwhile: timers that are armed here are looked at
  // below, and a stall in the middle is none of the clients' time either.
  wheel_.expire(now());
  sender_.flush();
  const auto latest = now() + longest_interval;
  ticker_due_ = clock::time_point::max();
  if (const auto due = wheel_.next_due()) tick_at(std::min(*due, latest));
}

void io_loop::note_stall(std::chrono::nanoseconds length) {
  // now() has gone on until the tick was overdue, and never goes back.
  stalled_ += length - longest_delay;
  counters_.stalls.add();
  if (report_stall_) report_stall_(length);
}

}  // namespace status2::transport
