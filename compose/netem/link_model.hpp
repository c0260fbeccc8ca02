#pragma once

// Pure. What a bad link does to a packet: it is late, or it is lost. The first
// step of a packet on its way through the emulator; no socket, no clock.

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

namespace status2::netem {

using duration = std::chrono::nanoseconds;

enum class distribution { uniform, normal };

struct link_settings {
  duration delay{0};
  /// uniform: delay - jitter to delay + jitter, each value as likely as any
  /// other. normal: the standard deviation.
  duration jitter{0};
  /// Limits: 0 to 1.
  double loss = 0;
  distribution shape = distribution::uniform;
  std::uint64_t seed = 1;
};

class link_model {
 public:
  explicit link_model(const link_settings& settings);

  /// The delay of the next packet, never below zero; nothing: it is lost. The
  /// same settings and seed give the same sequence.
  std::optional<duration> next();

 private:
  duration draw_delay();

  link_settings settings_;
  // Apart, so that the delays of two runs compare whatever each of them lost.
  std::mt19937_64 loss_engine_;
  std::mt19937_64 delay_engine_;
  std::normal_distribution<double> normal_{0.0, 1.0};
};

}  // namespace status2::netem
