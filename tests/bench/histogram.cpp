// Values below 128 have a bucket each; above, every power of two is cut into
// 64 buckets.
#include "tests/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace status2::bench {

namespace {

constexpr std::size_t sub_buckets = 64;
constexpr std::size_t exact = 2 * sub_buckets;
constexpr std::size_t bucket_count = exact + 57 * sub_buckets;

}  // namespace

histogram::histogram() : buckets_(bucket_count) {}

std::size_t histogram::bucket_of(std::uint64_t value) {
  if (value < exact) return value;
  const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 7;
  return shift * sub_buckets + (value >> shift);
}

std::uint64_t histogram::upper_end(std::size_t bucket) {
  if (bucket < exact) return bucket;
  const std::size_t shift = bucket / sub_buckets - 1;
  const std::uint64_t top = bucket - shift * sub_buckets;
  return (top << shift) + ((std::uint64_t{1} << shift) - 1);
}

std::uint64_t histogram::quantile(double share) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(share * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen > 0 && static_cast<double>(seen) >= wanted)
      return std::min(upper_end(i), max_);
  }
  return max_;
}

}  // namespace status2::bench
