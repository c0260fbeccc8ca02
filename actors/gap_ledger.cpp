#include "actors/gap_ledger.hpp"

#include <algorithm>
#include <utility>

namespace status2::actors {

std::uint64_t gap_ledger::sent(time_point missing_since) {
  const auto number = sent();
  complete_until_ = std::min(complete_until_, missing_since);
  return number;
}

std::optional<gap_ledger::gap_start> gap_ledger::revive(time_point now) {
  live_since_ = now;
  live_.store(true, std::memory_order_release);
  return std::exchange(gap_, std::nullopt);
}

void gap_ledger::interrupt(gap_start start) {
  const bool was_live = live_.exchange(false, std::memory_order_acq_rel);
  start.since = std::max(start.since, live_since_);
  if (was_live || (gap_ && start.since < gap_->since)) gap_ = start;
}

void gap_ledger::subscriber_died() {
  const bool all_handled = handled_ == sent_;
  interrupt({all_handled ? forwarded_until() : complete_until_,
             transport::gap_cause::restart});
}

void gap_ledger::link_died() {
  interrupt({forwarded_until(), transport::gap_cause::restart});
  first_valid_ = sent_ + 1;
}

}  // namespace status2::actors
