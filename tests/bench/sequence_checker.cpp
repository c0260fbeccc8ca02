#include "tests/bench/sequence_checker.hpp"

#include <algorithm>

namespace status2::bench {

void sequence_checker::receive_out_of_turn(std::uint64_t number) {
  if (number > next_) {
    gaps_.push_back({next_, number});
    next_ = number + 1;
  } else if (fill(number)) {
    ++reordered_;
  } else {
    ++duplicated_;
  }
}

// Takes `number` out of the gap that holds it; false if none does.
bool sequence_checker::fill(std::uint64_t number) {
  const auto found = std::find_if(
      gaps_.begin(), gaps_.end(),
      [number](const gap& g) { return g.begin <= number && number < g.end; });
  if (found == gaps_.end()) return false;
  const gap whole = *found;
  gaps_.erase(found);
  if (whole.begin < number) gaps_.push_back({whole.begin, number});
  if (number + 1 < whole.end) gaps_.push_back({number + 1, whole.end});
  return true;
}

std::uint64_t sequence_checker::lost(std::uint64_t published) const {
  std::uint64_t missing = published > next_ ? published - next_ : 0;
  for (const gap& g : gaps_)
    if (g.begin < published) missing += std::min(g.end, published) - g.begin;
  return missing;
}

}  // namespace status2::bench
