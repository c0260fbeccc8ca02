/// The last word of each channel: its newest message that matches a pattern,
/// such as `COMPLETED*`. Beside the main path: the subscriber offers each
/// message, and a replay begins with the last word. The store keeps it when the
/// channel is left, so that a page which comes back hours later learns how the
/// run ended. Pure: the time is an argument.
#pragma once

#include "transport/encoder.hpp"
#include "transport/message_id.hpp"

#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace status2::actors {

struct broker_counters;

struct latch_limits {
  std::vector<std::string> patterns{};  ///< of payloads; empty: none is kept
  std::chrono::nanoseconds ttl{std::chrono::hours{6}};
  std::size_t channels = 20000;
  std::size_t total_bytes = 8388608;
};

struct last_word {
  std::string payload;
  std::string epoch;  ///< of its id
  std::uint64_t number = 0;
  /// The epoch in which the channel was last left; empty: not since the
  /// message.
  std::string left_epoch{};

  transport::position position() const { return {epoch, number}; }
  /// Whether a client whose newest id is `id` has got this message, or a later
  /// one. `open_epoch` is the channel's epoch now.
  bool is_known_at(const transport::message_id& id,
                   std::string_view open_epoch) const;
};

/// Thread: that of the Redis link.
/// Limits: latch_limits. Over one of them the oldest last word goes.
class latch_store {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// Bytes of a payload that are compared with the patterns.
  static constexpr std::size_t most_compared = 256;

  latch_store(latch_limits limits, broker_counters& counters);
  ~latch_store() = default;
  latch_store(const latch_store&) = delete;
  latch_store& operator=(const latch_store&) = delete;

  /// Keeps within other limits from now on, and by other patterns.
  void limit(latch_limits limits);
  /// Whether there are patterns.
  bool enabled() const { return !limits_.patterns.empty(); }
  /// Whether a pattern matches the first `most_compared` bytes. If `payload` is
  /// longer, only patterns that end with `*` match.
  bool matches(std::string_view payload) const;
  /// Keeps a message as the last word of `channel` if a pattern matches it.
  /// Errors: a message above a 16th of `total_bytes` is not kept, and the
  /// channel has no last word then.
  void offer(const std::string& channel, const transport::position& at,
             std::string_view payload, time_point now);
  /// The broker leaves `channel`, whose epoch is `epoch`.
  void leave(const std::string& channel, std::string_view epoch,
             time_point now);
  /// Returns the last word of `channel`, valid until the next call of a member,
  /// or null if it has none.
  const last_word* find(const std::string& channel, time_point now);

  std::size_t size() const { return words_.size(); }
  /// Bytes that the last words take.
  std::size_t memory() const { return memory_; }

 private:
  using hook = boost::intrusive::list_base_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  struct entry : hook {
    last_word word;
    std::string_view channel;  ///< the key of the map
    time_point read;
  };
  using word_map = std::unordered_map<std::string, entry>;
  using word_list =
      boost::intrusive::list<entry,
                             boost::intrusive::constant_time_size<false>>;

  static std::size_t memory_of(const word_map::value_type& item);
  void expire(time_point now);
  void enforce();
  void drop(word_map::iterator item);
  void drop_oldest();
  /// After a change: `memory` bytes are used.
  void count(std::size_t memory);

  latch_limits limits_;
  broker_counters& counters_;
  std::size_t memory_ = 0;
  word_list order_;  ///< the oldest first
  word_map words_;
};

}  // namespace status2::actors
