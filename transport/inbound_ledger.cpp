#include "transport/inbound_ledger.hpp"

#include <bit>

namespace status2::transport {

inbound_ledger::~inbound_ledger() {
  for (auto& one : classes_)
    one.clear();
}

void inbound_ledger::hold(inbound_holder& holder, std::size_t bytes) {
  if (bytes == holder.bytes_) return;
  const auto before = std::bit_width(holder.bytes_);
  const auto now = std::bit_width(bytes);
  count(static_cast<std::int64_t>(bytes) -
        static_cast<std::int64_t>(holder.bytes_));
  holder.bytes_ = bytes;
  if (before == now) return;
  holder.hook_.unlink();
  if (bytes > 0)
    classes_.at(static_cast<std::size_t>(now) - 1).push_back(holder);
}

void inbound_ledger::enforce() {
  while (over()) {
    auto* const holder = largest();
    if (holder == nullptr) return;
    counters_.inbound_evictions.add();
    // First: the holder may be gone afterwards.
    hold(*holder, 0);
    holder->give_up_inbound();
  }
}

bool inbound_ledger::over() const {
  // A thread that holds less than its share has nobody to blame.
  return budget_ && budget_->used > budget_->limit &&
         held_ * budget_->threads >= budget_->used;
}

inbound_holder* inbound_ledger::largest() {
  for (auto one = classes_.rbegin(); one != classes_.rend(); ++one)
    if (!one->empty()) return &one->front();
  return nullptr;
}

void inbound_ledger::count(std::int64_t more) {
  held_ += more;
  counters_.inbound_memory.add(more);
  if (budget_) budget_->used += more;
}

}  // namespace status2::transport
