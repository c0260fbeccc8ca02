/// When a producer's next message is due. The machine's clock is an argument.
#pragma once

#include "tests/bench/event_loop.hpp"

#include <cstdint>
#include <optional>

namespace status2::bench {

/// So many messages a second, evenly spread. Pure.
class pace {
 public:
  /// Limits: `rate` is above 0 messages a second; the first is due at once.
  pace(double rate, std::uint64_t begin_ns)
      : rate_(rate), begin_ns_(begin_ns) {}

  /// Takes the next message if it is due: by how many nanoseconds it is late.
  /// Nothing if it is not due yet.
  std::optional<std::uint64_t> take(std::uint64_t now_ns);

 private:
  double rate_;
  std::uint64_t begin_ns_;
  std::uint64_t taken_ = 0;
};

/// Wakes a loop at a pace; epoll's own timeout counts in milliseconds.
/// Owns: its timer. Limits: at most 20,000 times a second.
class pace_timer final : public io_handler {
 public:
  /// Errors: std::system_error if the kernel gives no timer.
  pace_timer(event_loop& loop, double rate);
  ~pace_timer();
  pace_timer(const pace_timer&) = delete;
  pace_timer& operator=(const pace_timer&) = delete;

  void on_io(std::uint32_t events) override;

 private:
  int fd_;
};

}  // namespace status2::bench
