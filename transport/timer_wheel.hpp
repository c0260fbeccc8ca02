/// A hashed timing wheel: thousands of timers a thread at the price of a list
/// node each. Pure: time comes in as an argument.
/// Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels".
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace status2::transport {

/// What a timer's owner embeds; fires through on_timer().
/// Owns: nothing; its destructor disarms it. Thread: that of its wheel.
class wheel_timer {
 public:
  wheel_timer() = default;
  wheel_timer(const wheel_timer&) = delete;
  wheel_timer& operator=(const wheel_timer&) = delete;
  bool armed() const { return prev_ != nullptr; }

 protected:
  virtual ~wheel_timer();
  /// Runs at or after the due time; may arm or disarm any timer, or destroy
  /// this one.
  virtual void on_timer() = 0;

 private:
  friend class timer_wheel;
  void unlink();
  void link(wheel_timer*& head);
  wheel_timer** prev_ = nullptr;
  wheel_timer* next_ = nullptr;
  std::uint64_t due_tick_ = 0;
};

/// Limits: fires no earlier than due and at most one tick (10 ms) late, plus
/// what the caller of expire() adds.
class timer_wheel {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds tick{10};

  explicit timer_wheel(time_point start);
  ~timer_wheel();
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;

  /// The result is when expire() has to run for it.
  time_point arm(wheel_timer& timer, time_point due);
  void disarm(wheel_timer& timer);
  /// Fires all that is due at `now`. A timer armed by a handler fires in a
  /// later call.
  void expire(time_point now);
  /// When expire() has to run next; nothing while no timer is armed. May be
  /// early (by whole turns of the wheel), never late.
  std::optional<time_point> next_due() const;

 private:
  static constexpr std::size_t slot_count = 1024;
  time_point time_of(std::uint64_t tick_count) const;

  time_point start_;
  std::uint64_t done_tick_ = 0;  ///< everything up to here has fired
  std::array<wheel_timer*, slot_count> slots_{};
  wheel_timer* due_ = nullptr;  ///< what expire() has not fired yet
};

}  // namespace status2::transport
