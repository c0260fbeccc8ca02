/// A thin epoll loop for the benchmark's programs. Level-triggered.
#pragma once

#include <chrono>
#include <cstdint>

namespace status2::bench {

/// What an event of a descriptor is handed to; must outlive its descriptor's
/// registration and the batch of events during which it is closed.
class io_handler {
 public:
  virtual void on_io(std::uint32_t events) = 0;

 protected:
  ~io_handler() = default;
};

/// CLOCK_MONOTONIC, in nanoseconds.
std::uint64_t now_ns();

/// Thread: one.
class event_loop {
 public:
  event_loop();
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  void add(int fd, std::uint32_t events, io_handler& handler);
  void modify(int fd, std::uint32_t events, io_handler& handler);

  /// Hands out the events of one epoll_wait. Limits: 64 events, so that a
  /// publisher between two calls is not kept waiting by many viewers.
  /// Blocks: up to `timeout`; for ever if negative.
  void run_once(std::chrono::milliseconds timeout);

 private:
  int epoll_;
};

}  // namespace status2::bench
