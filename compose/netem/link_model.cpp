#include "compose/netem/link_model.hpp"

#include <algorithm>

namespace status2::netem {

link_model::link_model(const link_settings& settings)
    : settings_(settings),
      loss_engine_(settings.seed),
      delay_engine_(~settings.seed) {}

std::optional<duration> link_model::next() {
  std::uniform_real_distribution<double> chance(0.0, 1.0);
  const duration delay = draw_delay();
  if (chance(loss_engine_) < settings_.loss) return std::nullopt;
  return delay;
}

duration link_model::draw_delay() {
  const auto jitter = static_cast<double>(settings_.jitter.count());
  double deviation = 0;
  if (settings_.shape == distribution::normal)
    deviation = jitter * normal_(delay_engine_);
  else
    deviation = jitter * std::uniform_real_distribution<double>(
                             -1.0, 1.0)(delay_engine_);
  const duration drawn =
      settings_.delay + duration(static_cast<duration::rep>(deviation));
  return std::max(drawn, duration::zero());
}

}  // namespace status2::netem
