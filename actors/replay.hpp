/// A replay: messages that a channel keeps, sent to a session part by part in
/// front of the live ones. A part is small, so that a slow client holds up
/// nobody, and the session asks for the next one when its socket has taken the
/// last. The last part ends with the channel's newest message, and the live
/// messages go on right behind it.
#pragma once

#include "actors/channel_tail.hpp"
#include "actors/latch_store.hpp"
#include "actors/messages.hpp"
#include "transport/client_session.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace status2::actors {

/// The next part of the replay that `wanted` asks for. `word` is the channel's
/// last word, or null. It comes first, behind a gap, unless the client has it
/// or this part or a later one brings it. Thread: that of the Redis link.
replay_part make_replay_part(channel_tail& tail, const replay_wanted& wanted,
                             channel_tail::time_point now,
                             const last_word* word = nullptr);

/// Stands between a group and a client that gets a replay, until the client
/// has come as far as the live messages. Pure but for the client's sink.
///
/// | state    | a live block       | leaves it by                            |
/// | -------- | ------------------ | --------------------------------------- |
/// | asking   | is held            | take(): sending, or live                |
/// | sending  | is dropped: it is  | ask(), once the client has taken all    |
/// |          | in the tail        |                                         |
/// | live     | goes to the client |                                         |
///
/// Thread: that of its session.
class replay_sink final : public transport::frame_sink {
 public:
  explicit replay_sink(transport::frame_sink& client);

  void deliver(const transport::frame_block& block) noexcept override;
  void enqueue(const transport::frame_block& block) noexcept override;
  bool offer(const transport::frame_ptr& block) noexcept override {
    return client_.offer(block);
  }
  bool wants_gaps() const override { return true; }

  enum class state : std::uint8_t { asking, sending, live };
  state now() const { return state_; }

  /// The next part is asked for, or the same one again: hold live blocks from
  /// now on. Returns the number of the question.
  std::uint64_t ask();
  /// Sends a part if it answers the last question. Behind the last one go the
  /// live messages that came meanwhile. Returns whether the next part may be
  /// asked for at once; else that is when the client has taken all.
  bool take(const replay_part& part);
  /// How far the client has come; nothing before the first part.
  const std::optional<replay_progress>& progress() const { return progress_; }

 private:
  /// Whether a live block goes to the client now; else it is held or dropped.
  bool passes(const transport::frame_block& block) noexcept;
  void go_live(const replay_part& part);

  transport::frame_sink& client_;
  state state_ = state::asking;
  std::vector<transport::frame_ptr> held_;
  std::size_t bytes_held_ = 0;
  std::uint64_t question_ = 0;
  std::uint64_t after_ = 0;  ///< newest entry of the replay, once live
  bool overrun_ = false;     ///< more came than is held: another part is due
  std::optional<replay_progress> progress_;
};

}  // namespace status2::actors
