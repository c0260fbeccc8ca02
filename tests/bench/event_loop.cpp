#include "tests/bench/event_loop.hpp"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <system_error>
#include <time.h>
#include <unistd.h>

namespace status2::bench {

namespace {

void control(int epoll, int verb, int fd, std::uint32_t events,
             io_handler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  if (::epoll_ctl(epoll, verb, fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

}  // namespace

std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

event_loop::event_loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0)
    throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

event_loop::~event_loop() {
  ::close(epoll_);
}

void event_loop::add(int fd, std::uint32_t events, io_handler& handler) {
  control(epoll_, EPOLL_CTL_ADD, fd, events, handler);
}

void event_loop::modify(int fd, std::uint32_t events, io_handler& handler) {
  control(epoll_, EPOLL_CTL_MOD, fd, events, handler);
}

void event_loop::run_once(std::chrono::milliseconds timeout) {
  std::array<epoll_event, 64> events;
  const int ready =
      ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                   static_cast<int>(timeout.count()));
  if (ready < 0 && errno != EINTR)
    throw std::system_error(errno, std::generic_category(), "epoll_wait");
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<io_handler*>(event.data.ptr)->on_io(event.events);
  }
}

}  // namespace status2::bench
