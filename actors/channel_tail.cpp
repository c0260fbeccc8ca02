#include "actors/channel_tail.hpp"

#include "actors/allocation.hpp"
#include "actors/counters.hpp"
#include "transport/message_id.hpp"

#include <cstring>
#include <utility>

namespace status2::actors {

using transport::gap_cause;

// -- the store ----------------------------------------------------------------

/// Tails that keep messages, the one that was watched least recently first.
struct tail_store::order {
  using list =
      boost::intrusive::list<channel_tail,
                             boost::intrusive::constant_time_size<false>>;
  list unwatched;
  list watched;
};

tail_store::tail_store(tail_limits limits, broker_counters& counters)
    : limits_(limits),
      counters_(counters),
      instance_(transport::random_instance()),
      order_(std::make_unique<order>()) {}

tail_store::~tail_store() = default;

void tail_store::limit(tail_limits limits) {
  limits_ = limits;
  enforce();
}

std::string tail_store::next_epoch() {
  return transport::make_epoch(instance_, ++epochs_);
}

void tail_store::use(std::size_t bytes) {
  memory_ += bytes;
  counters_.tail_memory += static_cast<std::int64_t>(bytes);
}

void tail_store::free(std::size_t bytes) {
  memory_ -= bytes;
  counters_.tail_memory -= static_cast<std::int64_t>(bytes);
}

void tail_store::enforce() {
  while (memory_ > limits_.total_bytes) {
    auto& first =
        order_->unwatched.empty() ? order_->watched : order_->unwatched;
    first.front().drop_oldest();
    ++counters_.tail_evictions;
  }
}

// -- a channel ----------------------------------------------------------------

channel_tail::channel_tail(tail_store& store)
    : store_(store), epoch_(store.next_epoch()) {}

channel_tail::~channel_tail() {
  while (!entries_.empty())
    drop_oldest();
}

void channel_tail::begin(time_point now) {
  if (!begun_) begun_ = now;
}

std::uint64_t channel_tail::add(std::string_view payload, time_point now) {
  if (allocated(payload.size()) + sizeof(kept) > store_.limits().total_bytes)
    return pass(now);
  kept one;
  one.read = now;
  one.size = static_cast<std::uint32_t>(payload.size());
  if (store_.limits().messages > 0 && !payload.empty()) {
    one.bytes = std::make_unique_for_overwrite<char[]>(payload.size());
    std::memcpy(one.bytes.get(), payload.data(), payload.size());
  }
  return add(std::move(one));
}

std::uint64_t channel_tail::add(const transport::gap& missing, time_point now) {
  kept one;
  one.read = now;
  one.is_gap = true;
  if (store_.limits().messages > 0) {
    gaps_.push_back({last() + 1, missing});
    store_.use(sizeof(kept_gap));
  }
  return add(std::move(one));
}

std::uint64_t channel_tail::add(kept one) {
  const auto now = one.read;
  if (store_.limits().messages == 0) return pass(now);
  expire(now);
  make_room();
  store_.use(allocated(one.size));
  entries_.push_back(std::move(one));
  if (!is_linked()) take_place();
  const auto number = last();
  store_.enforce();
  return number;
}

std::uint64_t channel_tail::pass(time_point now) {
  while (!entries_.empty())
    drop_oldest();
  dropped_until_ = now;
  return first_++;
}

void channel_tail::make_room() {
  constexpr std::size_t least = 8;
  const auto most = store_.limits().messages;
  while (entries_.size() >= most)
    drop_oldest();
  const auto before = entries_.capacity();
  if (entries_.size() < before) return;
  entries_.set_capacity(std::min(most, std::max(least, 2 * before)));
  store_.use((entries_.capacity() - before) * sizeof(kept));
}

void channel_tail::drop_oldest() {
  const auto& oldest = entries_.front();
  dropped_until_ = oldest.read;
  store_.free(allocated(oldest.size));
  if (oldest.is_gap) {
    gaps_.erase(gaps_.begin());
    store_.free(sizeof(kept_gap));
  }
  entries_.pop_front();
  ++first_;
  if (!entries_.empty()) return;
  store_.free(entries_.capacity() * sizeof(kept));
  entries_.set_capacity(0);
  if (is_linked()) take_place();
}

void channel_tail::expire(time_point now) {
  while (!entries_.empty() && entries_.front().read + store_.limits().age < now)
    drop_oldest();
}

void channel_tail::watched(bool by_somebody) {
  watched_ = by_somebody;
  if (!entries_.empty()) take_place();
}

void channel_tail::take_place() {
  if (is_linked()) unlink();
  if (entries_.empty()) return;
  auto& order = *store_.order_;
  (watched_ ? order.watched : order.unwatched).push_back(*this);
}

channel_tail::start channel_tail::find(const transport::replay_request& wanted,
                                       time_point now) {
  expire(now);
  if (!wanted.since) return {before_last(wanted.most), {}};
  const auto id = transport::parse_message_id(*wanted.since);
  if (!id || !transport::same_instance(id->epoch, epoch_))
    return begin_late(wanted, {}, gap_cause::elsewhere);
  if (id->epoch != epoch_) return begin_late(wanted, {}, gap_cause::evicted);
  if (id->number > last()) return begin_late(wanted, {}, gap_cause::elsewhere);
  if (id->number + 1 < first_)
    return begin_late(wanted, begun_, gap_cause::evicted);
  return {id->number, {}};
}

channel_tail::start channel_tail::go_on(std::uint64_t after, time_point now) {
  expire(now);
  if (after + 1 >= first_) return {after, {}};
  return begin_late({}, begun_, gap_cause::evicted);
}

channel_tail::start channel_tail::begin_late(
    const transport::replay_request& wanted, std::optional<time_point> since,
    gap_cause cause) const {
  const auto after = before_last(wanted.most);
  // Everything up to the first message of the replay may be missing.
  const auto until =
      after < first_ ? std::max(begun_.value_or(time_point{}), dropped_until_)
                     : entries_[after - first_].read;
  return {after, hole{since, until, cause}};
}

std::uint64_t channel_tail::before_last(std::optional<std::size_t> most) const {
  if (!most) return first_ - 1;
  auto number = last();
  for (auto left = *most; number >= first_ && left > 0; --number)
    if (!entries_[number - first_].is_gap) --left;
  return number;
}

channel_tail::entry channel_tail::entry_at(std::uint64_t number) const {
  const auto& one = entries_[number - first_];
  if (!one.is_gap) return {number, {one.bytes.get(), one.size}};
  const auto same = [number](const kept_gap& gap) {
    return gap.number == number;
  };
  return {number, {}, &std::find_if(gaps_.begin(), gaps_.end(), same)->what};
}

}  // namespace status2::actors
