#pragma once

// Pure. What a run did, counted; the last line it prints comes from here.

#include "compose/netem/link_model.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace status2::netem {

/// Limits: delay and jitter together; what the tally's bins cover.
inline constexpr std::chrono::seconds longest_delay{10};

/// Induced delays: from the moment a packet was read to its verdict, in bins of
/// 100 µs, so that an hour of packets costs no more memory than a second.
class delay_bins {
 public:
  void add(duration delay);
  std::uint64_t count() const { return count_; }
  duration mean() const;
  duration longest() const { return longest_; }
  /// The upper end of the bin that holds the quantile; at most longest().
  duration quantile(double share) const;

 private:
  static constexpr std::chrono::microseconds width{100};

  std::vector<std::uint32_t> bins_;
  std::uint64_t count_ = 0;
  duration sum_{0};
  duration longest_{0};
};

struct tally {
  std::uint64_t packets = 0;
  std::uint64_t dropped = 0;
  /// Most packets that waited at one time.
  std::uint64_t held_max = 0;
  /// Let go before they were due, because the run ended; not in `delays`.
  std::uint64_t released_early = 0;
  /// Lost by the kernel because the queue or the socket was full.
  std::uint64_t kernel_dropped = 0;
  delay_bins delays;
};

/// One line of JSON without its newline. Without a delayed packet the delays
/// are null.
std::string to_json(const tally& counts, const std::string& label,
                    std::uint64_t seed, duration elapsed);

}  // namespace status2::netem
