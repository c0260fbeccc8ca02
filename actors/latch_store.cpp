#include "actors/latch_store.hpp"

#include "actors/allocation.hpp"
#include "actors/counters.hpp"
#include "transport/wildcard.hpp"

#include <algorithm>
#include <utility>

namespace status2::actors {

bool last_word::is_known_at(const transport::message_id& id,
                            std::string_view open_epoch) const {
  if (id.epoch == epoch) return id.number >= number;
  // A replay of a later epoch began with the message, before any id of it.
  return id.epoch == open_epoch ||
         (!id.epoch.empty() && id.epoch == left_epoch);
}

latch_store::latch_store(latch_limits limits, broker_counters& counters)
    : limits_(std::move(limits)), counters_(counters) {}

void latch_store::limit(latch_limits limits) {
  limits_ = std::move(limits);
  enforce();
}

bool latch_store::matches(std::string_view payload) const {
  const auto head = payload.substr(0, most_compared);
  const bool whole = head.size() == payload.size();
  const auto match = [&](const std::string& pattern) {
    return (whole || pattern.ends_with('*')) &&
           transport::wildcard_match(pattern, head);
  };
  return std::any_of(limits_.patterns.begin(), limits_.patterns.end(), match);
}

void latch_store::offer(const std::string& channel,
                        const transport::position& at, std::string_view payload,
                        time_point now) {
  if (!matches(payload)) return;
  expire(now);
  // One channel cannot push out all others.
  constexpr std::size_t share = 16;
  if (payload.size() > limits_.total_bytes / share) {
    if (const auto old = words_.find(channel); old != words_.end()) drop(old);
    ++counters_.latch_evictions;
    return;
  }
  const auto [item, added] = words_.try_emplace(channel);
  auto& entry = item->second;
  const auto before = added ? 0 : memory_of(*item);
  entry.word = {std::string(payload), std::string(at.epoch), at.number};
  entry.channel = item->first;
  entry.read = now;
  entry.unlink();
  order_.push_back(entry);
  count(memory_ - before + memory_of(*item));
  enforce();
}

void latch_store::leave(const std::string& channel, std::string_view epoch,
                        time_point now) {
  expire(now);
  const auto item = words_.find(channel);
  if (item == words_.end()) return;
  const auto before = memory_of(*item);
  item->second.word.left_epoch = std::string(epoch);
  count(memory_ - before + memory_of(*item));
  enforce();
}

const last_word* latch_store::find(const std::string& channel, time_point now) {
  expire(now);
  const auto item = words_.find(channel);
  return item == words_.end() ? nullptr : &item->second.word;
}

std::size_t latch_store::memory_of(const word_map::value_type& item) {
  // A node of the map also holds the hash and the next node, and the table of
  // the map up to two pointers for it.
  constexpr auto node =
      allocated(sizeof(word_map::value_type) + 2 * sizeof(void*)) +
      2 * sizeof(void*);
  const auto& word = item.second.word;
  return node + allocated(item.first) + allocated(word.payload) +
         allocated(word.epoch) + allocated(word.left_epoch);
}

void latch_store::expire(time_point now) {
  while (!order_.empty() && order_.front().read + limits_.ttl < now)
    drop_oldest();
}

void latch_store::enforce() {
  while (memory_ > limits_.total_bytes || words_.size() > limits_.channels) {
    drop_oldest();
    ++counters_.latch_evictions;
  }
}

void latch_store::drop_oldest() {
  drop(words_.find(std::string(order_.front().channel)));
}

void latch_store::drop(word_map::iterator item) {
  const auto left = memory_ - memory_of(*item);
  words_.erase(item);
  count(left);
}

void latch_store::count(std::size_t memory) {
  memory_ = memory;
  counters_.latch_memory = static_cast<std::int64_t>(memory);
  counters_.latched_channels = static_cast<std::int64_t>(words_.size());
}

}  // namespace status2::actors
