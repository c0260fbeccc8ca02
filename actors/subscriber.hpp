/// The subscriber actor: one per channel in use. On the main path: numbers the
/// payloads of one read, turns them into one block of frames per encoding and
/// sends the blocks to the group. On a large and busy channel a single message
/// may wait for the next one.
#pragma once

#include "actors/channel_groups.hpp"
#include "actors/channel_tail.hpp"
#include "actors/counters.hpp"
#include "actors/latch_store.hpp"
#include "actors/messages.hpp"

#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/group.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace status2::actors {

struct subscriber_spec {
  caf::group viewers;
  broker_counters* counters = nullptr;
  /// Outlives this subscriber: the next one of the channel goes on with it.
  std::shared_ptr<channel_tail> tail{};
  /// Longest time that a message waits for another to go with it; 0: none.
  std::chrono::nanoseconds longest_wait{0};
  /// Null: last words are not kept. Must outlive this subscriber.
  latch_store* latches = nullptr;
};

/// Lives on the thread of the Redis link; the supervisor restarts it.
struct subscriber_state {
  static constexpr const char* name = "status2.subscriber";

  explicit subscriber_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(subscriber_spec spec);

  ~subscriber_state();
  void forward(const payload_batch& batch);
  /// The same for a batch that is large, or in which a gap takes the place of a
  /// message that was dropped. A large batch is encoded on a thread of its own;
  /// the channel's other messages wait behind it.
  void forward_apart(const payload_batch& batch);
  /// Sends `blocks`, which hold all of the batch of that number.
  void hand_on(const std::vector<transport::frame_ptr>& blocks,
               std::uint64_t number, channel_group::time_point complete);
  /// Numbers a message and keeps it for replays.
  void keep(std::string_view payload, channel_group::time_point now);
  /// Appends the messages of `batch`, the first of which has the number
  /// `first`, to what is held in this encoding.
  void encode(transport::encoding kind, const payload_batch& batch,
              std::uint64_t first);
  void send_held();
  /// Counts how much shorter compression makes a block that is handed on.
  void count_deflated(const transport::frame_block& block) const;
  /// Whether a batch with so many bytes of payload is encoded on this thread.
  bool is_encoded_here(std::size_t bytes) const;
  /// Until when a single message waits for the next one, to share its fan-out.
  /// It waits if it comes within four times the cost of the last one's fan-out,
  /// that is where single messages keep the thread busy for more than a quarter
  /// of the time, and as long at most; else it goes now.
  channel_group::time_point wait_until(channel_group::time_point now) const;
  void on_state(const channel_state& state);
  void tell_gap(const gap_ledger::gap_start& start);
  /// The gap from `start` until now.
  transport::gap gap_from(const gap_ledger::gap_start& start) const;
  void on_replay_wanted(const replay_wanted& wanted);
  void note_handed_on() const;

  caf::event_based_actor* self;
  subscriber_spec spec;
  /// Blocks that wait, by encoding; null if nothing does.
  std::array<std::shared_ptr<transport::frame_block>,
             transport::encodings.size()>
      held;
  std::uint32_t held_messages = 0;
  bool replay_made = false;  ///< since the last blocks were sent
  /// Of the last batch, which may be held: its number, and until when all that
  /// Redis published is handed on with it.
  std::uint64_t last_number = 0;
  channel_group::time_point complete_until{};
  channel_group::time_point due{};  ///< when what is held goes alone
};

}  // namespace status2::actors
