/// Latencies of a run, counted in buckets whose width grows with the value.
/// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace status2::bench {

/// Limits: any 64-bit value; a quantile is at most 1/64 above the true one.
class histogram {
 public:
  histogram();

  void add(std::uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    if (value > max_) max_ = value;
  }

  /// The smallest bucket's upper end that `share` (0 to 1) of all values do
  /// not exceed; never above max(); 0 if nothing was added.
  std::uint64_t quantile(double share) const;
  std::uint64_t max() const { return max_; }
  std::uint64_t count() const { return count_; }

 private:
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_end(std::size_t bucket);

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace status2::bench
