/// The last messages of a channel, for clients that join late or come back.
/// On the main path: the subscriber numbers each message here before it is
/// encoded. Neither a clock nor an actor is in it.
#pragma once

#include "transport/frame.hpp"
#include "transport/watch_options.hpp"

#include <boost/circular_buffer.hpp>
#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::actors {

struct broker_counters;

struct tail_limits {
  std::size_t messages = 256;  ///< of a channel; 0: nothing is kept
  std::chrono::nanoseconds age{std::chrono::minutes{10}};
  std::size_t total_bytes = 67108864;  ///< of all channels
};

class channel_tail;

/// Shared by the tails of all channels: holds the limits and counts the memory.
/// If the tails exceed the memory limit, the store evicts the oldest messages
/// of the channel that was watched least recently. Must outlive its tails.
/// Thread: that of the Redis link.
class tail_store {
 public:
  tail_store(tail_limits limits, broker_counters& counters);
  ~tail_store();
  tail_store(const tail_store&) = delete;
  tail_store& operator=(const tail_store&) = delete;

  const tail_limits& limits() const { return limits_; }
  /// Keeps within other limits from now on. A channel keeps within those of
  /// messages and age when its next message comes.
  void limit(tail_limits limits);
  /// Bytes that the tails take.
  std::size_t memory() const { return memory_; }

 private:
  friend class channel_tail;
  struct order;  ///< tails that keep messages

  /// Of a new channel.
  std::string next_epoch();
  void use(std::size_t bytes);
  void free(std::size_t bytes);
  void enforce();

  tail_limits limits_;
  broker_counters& counters_;
  const std::string instance_;
  std::uint64_t epochs_ = 0;
  std::size_t memory_ = 0;
  std::unique_ptr<order> order_;
};

/// Thread: that of the Redis link.
class channel_tail
    : public boost::intrusive::list_base_hook<
          boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit channel_tail(tail_store& store);
  ~channel_tail();
  channel_tail(const channel_tail&) = delete;
  channel_tail& operator=(const channel_tail&) = delete;

  const std::string& epoch() const { return epoch_; }
  /// Number of the newest entry; 0: there was none.
  std::uint64_t last() const { return first_ + entries_.size() - 1; }

  /// Numbers a message, and keeps a copy within the limits. Returns its number.
  std::uint64_t add(std::string_view payload, time_point now);
  /// The same for a gap: a replay across it tells it.
  std::uint64_t add(const transport::gap& missing, time_point now);
  /// Whether the channel has viewers.
  void watched(bool by_somebody);

  /// Notes that the channel is live since `now`: the tail lacks all messages
  /// published before. Later calls have no effect.
  void begin(time_point now);
  bool begun() const { return begun_.has_value(); }

  /// Messages that a client may miss in front of a replay.
  struct hole {
    std::optional<time_point> since;  ///< nothing: not known
    time_point until;
    transport::gap_cause cause = transport::gap_cause::evicted;
  };
  struct start {
    std::uint64_t after = 0;  ///< the replay begins behind this entry
    std::optional<hole> missing;
  };
  /// Returns the start of the replay that `wanted` asks for. Call begin()
  /// before.
  start find(const transport::replay_request& wanted, time_point now);
  /// Returns the start of the rest of a replay whose last sent entry is
  /// `after`.
  start go_on(std::uint64_t after, time_point now);

  struct entry {
    std::uint64_t number = 0;
    std::string_view payload;             ///< valid until the tail changes
    const transport::gap* gap = nullptr;  ///< not null: no message but a gap
  };
  /// Calls `take(entry)` for the entries behind `after` until it returns false.
  template <class Take>
  void for_each(std::uint64_t after, Take take) const {
    for (auto number = std::max(after + 1, first_); number <= last(); ++number)
      if (!take(entry_at(number))) return;
  }

 private:
  friend class tail_store;
  struct kept {
    std::unique_ptr<char[]> bytes;  ///< null: a gap, or an empty message
    std::uint32_t size = 0;
    bool is_gap = false;
    time_point read;
  };
  struct kept_gap {
    std::uint64_t number = 0;
    transport::gap what;
  };

  std::uint64_t add(kept one);
  /// Numbers an entry that is not kept.
  std::uint64_t pass(time_point now);
  void make_room();
  entry entry_at(std::uint64_t number) const;
  start begin_late(const transport::replay_request& wanted,
                   std::optional<time_point> since,
                   transport::gap_cause cause) const;
  /// The entry behind which the last `most` messages are.
  std::uint64_t before_last(std::optional<std::size_t> most) const;
  void expire(time_point now);
  void drop_oldest();
  void take_place();

  tail_store& store_;
  const std::string epoch_;
  std::optional<time_point> begun_;
  time_point dropped_until_{};  ///< when the newest of those was read
  boost::circular_buffer<kept> entries_;
  std::vector<kept_gap> gaps_;
  std::uint64_t first_ = 1;  ///< number of the oldest entry that is kept
  bool watched_ = false;
};

}  // namespace status2::actors
