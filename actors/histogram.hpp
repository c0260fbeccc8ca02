/// A histogram of durations for `/metrics`.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace status2::actors {

/// Thread: any.
class duration_histogram {
 public:
  /// Upper bounds of the buckets, in seconds; the last bucket has none.
  static constexpr std::array<double, 12> bounds{
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};

  void observe(std::chrono::nanoseconds duration) {
    const auto seconds = std::chrono::duration<double>(duration).count();
    const auto* bound = std::lower_bound(bounds.begin(), bounds.end(), seconds);
    ++counts_[static_cast<std::size_t>(bound - bounds.begin())];
    nanoseconds_ += duration.count();
  }

  std::uint64_t count(std::size_t bucket) const { return counts_[bucket]; }
  double sum_seconds() const {
    return static_cast<double>(nanoseconds_.load()) / 1e9;
  }

 private:
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> counts_{};
  std::atomic<std::int64_t> nanoseconds_{0};
};

}  // namespace status2::actors
