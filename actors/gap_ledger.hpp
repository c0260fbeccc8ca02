/// Finds the start of a channel's gap: compares the batches that the link has
/// sent to the subscriber with those that the subscriber has sent to the group.
/// Neither a clock nor an actor is in it.
///
/// Three parties write here, all on the thread of the link:
///
/// | who        | notes                                                      |
/// | ---------- | ---------------------------------------------------------- |
/// | link       | each message that it sends to the subscriber               |
/// | subscriber | each message that it has handled; the channel is live, or  |
/// |            | not                                                        |
/// | supervisor | the death of either                                        |
///
/// A message gets a number when it is sent. A number that was sent and not
/// handled is in a mailbox, or died with one.
#pragma once

#include "transport/frame.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace status2::actors {

/// How far a link has come. Belongs to a link and outlives its actor, so that
/// the supervisor can read it after a death. Thread: that of the link.
struct link_progress {
  /// The link has sent all messages that Redis published before this time in
  /// live channels to their subscribers.
  std::chrono::steady_clock::time_point forwarded_until{};
};

/// Thread: that of the link, but for live().
class gap_ledger {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Since when messages may be missing, and why.
  struct gap_start {
    time_point since;
    transport::gap_cause cause = transport::gap_cause::redis;
  };

  /// Whether Redis has acknowledged the channel. Thread: any.
  bool live() const { return live_.load(std::memory_order_acquire); }

  /// The link that forwards to the channel from now on.
  void served_by(std::shared_ptr<const link_progress> link) {
    link_ = std::move(link);
  }
  /// The link sends the subscriber a message, which carries the number
  /// returned. The link calls it before it raises forwarded_until.
  std::uint64_t sent() {
    if (handled_ == sent_) complete_to(forwarded_until());
    return ++sent_;
  }
  /// The same for a message that says that others are missing since then.
  std::uint64_t sent(time_point missing_since);

  /// The subscriber has handled this message and those before it.
  void handled(std::uint64_t number) { handled_ = number; }
  /// The same for messages that it has handed on to the group: with them went
  /// all that Redis published before `until`.
  void handed_on(std::uint64_t number, time_point until) {
    handled_ = number;
    complete_to(until);
  }
  /// All that Redis published to the live channel before was handed on.
  time_point complete_until() const {
    return std::max(complete_until_, live_since_);
  }
  /// Whether a link that has died since sent this message.
  bool outdated(std::uint64_t number) const { return number < first_valid_; }
  /// The channel is live since `now`. Returns what interrupted it, if anything
  /// did.
  std::optional<gap_start> revive(time_point now);
  /// The channel misses messages. Of several causes in a row the earliest
  /// counts; a gap begins no earlier than the channel became live. A channel
  /// that has never been live misses nothing.
  void interrupt(gap_start start);

  /// The batches in the subscriber's mailbox are lost.
  void subscriber_died();
  /// The subscriber still sends the batches in its mailbox to the group. The
  /// channel is no longer live.
  void link_died();

 private:
  time_point forwarded_until() const {
    return link_ ? link_->forwarded_until : time_point{};
  }
  void complete_to(time_point until) {
    if (until > complete_until_) complete_until_ = until;
  }

  std::atomic<bool> live_{false};
  std::uint64_t sent_ = 0;
  std::uint64_t handled_ = 0;
  std::uint64_t first_valid_ = 0;
  /// While messages are not handled: what Redis published before was handed on.
  time_point complete_until_{};
  time_point live_since_{};
  std::optional<gap_start> gap_;
  std::shared_ptr<const link_progress> link_;
};

}  // namespace status2::actors
