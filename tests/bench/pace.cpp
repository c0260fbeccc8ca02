#include "tests/bench/pace.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <system_error>
#include <time.h>
#include <unistd.h>

namespace status2::bench {

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t shortest_period_ns = second_ns / 20'000;

}  // namespace

std::optional<std::uint64_t> pace::take(std::uint64_t now_ns) {
  const double step_ns = static_cast<double>(second_ns) / rate_;
  const auto due = begin_ns_ + static_cast<std::uint64_t>(
                                   static_cast<double>(taken_) * step_ns);
  if (now_ns < due) return std::nullopt;
  ++taken_;
  return now_ns - due;
}

pace_timer::pace_timer(event_loop& loop, double rate)
    : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  const auto wanted =
      static_cast<std::uint64_t>(static_cast<double>(second_ns) / rate);
  const std::uint64_t period = std::max(wanted, shortest_period_ns);
  timespec step{};
  step.tv_sec = static_cast<time_t>(period / second_ns);
  step.tv_nsec = static_cast<long>(period % second_ns);
  const itimerspec spec{step, step};
  if (fd_ < 0 || ::timerfd_settime(fd_, 0, &spec, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "timerfd");
  loop.add(fd_, EPOLLIN, *this);
}

// The kernel sets the timer for its next period when it is read.
void pace_timer::on_io(std::uint32_t events) {
  std::uint64_t expirations = 0;
  if (::read(fd_, &expirations, sizeof expirations) < 0) return;
}

pace_timer::~pace_timer() {
  ::close(fd_);
}

}  // namespace status2::bench
