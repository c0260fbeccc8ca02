#include "compose/netem/tally.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace status2::netem {

namespace {

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double milliseconds(duration value) {
  return std::chrono::duration<double, std::milli>(value).count();
}

}  // namespace

void delay_bins::add(duration delay) {
  // A bin above the longest delay takes what a stalled machine makes later.
  static constexpr std::size_t last = 2 * longest_delay / width;
  const auto bin = std::min(last, static_cast<std::size_t>(delay / width));
  if (bins_.size() <= bin) bins_.resize(bin + 1);
  ++bins_[bin];
  ++count_;
  sum_ += delay;
  longest_ = std::max(longest_, delay);
}

duration delay_bins::mean() const {
  if (count_ == 0) return duration::zero();
  return sum_ / static_cast<duration::rep>(count_);
}

duration delay_bins::quantile(double share) const {
  const auto rank = static_cast<std::uint64_t>(
      std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
    seen += bins_[bin];
    if (seen >= rank)
      return std::min<duration>(longest_, (bin + 1) * duration(width));
  }
  return longest_;
}

std::string to_json(const tally& counts, const std::string& label,
                    std::uint64_t seed, duration elapsed) {
  const auto delay = [&counts](duration value) {
    return counts.delays.count() == 0 ? std::string("null")
                                      : fixed(milliseconds(value), 3);
  };
  std::string out = "{" + label;
  const auto add = [&out](const char* name, const std::string& value) {
    if (out.size() > 1) out += ',';
    out += '"';
    out += name;
    out += "\":" + value;
  };
  add("seed", std::to_string(seed));
  add("seconds", fixed(milliseconds(elapsed) / 1000, 3));
  add("packets", std::to_string(counts.packets));
  add("dropped", std::to_string(counts.dropped));
  add("kernel_dropped", std::to_string(counts.kernel_dropped));
  add("held_max", std::to_string(counts.held_max));
  add("released_early", std::to_string(counts.released_early));
  add("delay_mean_ms", delay(counts.delays.mean()));
  add("delay_p50_ms", delay(counts.delays.quantile(0.50)));
  add("delay_p95_ms", delay(counts.delays.quantile(0.95)));
  add("delay_max_ms", delay(counts.delays.longest()));
  return out + "}";
}

}  // namespace status2::netem
