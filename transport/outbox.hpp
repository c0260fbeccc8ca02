/// What waits for one client's socket: shared blocks in order, with how far
/// the first one is out, and how many messages are whole on the wire. Pure.
#pragma once

#include "transport/counters.hpp"
#include "transport/frame.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sys/uio.h>
#include <vector>

namespace status2::transport {

/// Messages that left the outbox one way or the other.
struct message_tally {
  std::uint64_t sent = 0;       ///< whole on the wire
  std::uint64_t discarded = 0;  ///< not, or in part only
};

/// A block that waits in an outbox. In however many outboxes of however many
/// threads it waits, `memory` counts its bytes once: where it waits first it is
/// added, where it waits last it is taken away, so only the sum over all
/// threads means something.
class queued_block {
 public:
  queued_block(frame_ptr block, counter& memory);
  queued_block(queued_block&&) = default;
  queued_block& operator=(queued_block&& other) noexcept;
  ~queued_block() { leave(); }
  const frame_block& operator*() const { return *block_; }
  const frame_block* operator->() const { return block_.get(); }
  /// Waits no longer.
  void leave();

 private:
  frame_ptr block_;
  counter* memory_;
};

/// Thread: that of its session.
class outbox {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  bool empty() const { return next_ == queue_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// Those behind the first block, which may be larger than any bound.
  std::size_t bytes_behind_first() const;
  /// Since when the oldest byte waits; nothing if none does.
  std::optional<time_point> oldest() const;
  /// Since when bytes wait and the socket takes none; nothing if none wait.
  std::optional<time_point> stalled_since() const;

  /// Queues `block`, of which `sent` bytes are on the wire already; `sent` must
  /// be 0 unless the queue is empty.
  void push(queued_block block, std::size_t sent, time_point now);
  /// Queues `block`, of which `sent` bytes are out, before all others, of which
  /// nothing may be out yet.
  void push_front(queued_block block, std::size_t sent, time_point now);

  /// Describes what waits from the start, at most `limit` pieces of `bytes` in
  /// all; the number of pieces.
  std::size_t gather(iovec* pieces, std::size_t limit,
                     std::size_t bytes = SIZE_MAX) const;
  /// The socket takes `count` more bytes at `now`.
  message_tally consume(std::size_t count, time_point now);
  /// Drops everything but the rest of a message that is partly on the wire.
  message_tally cut();
  /// Drops everything.
  message_tally clear();

 private:
  struct entry {
    queued_block block;
    std::size_t begin = 0;  ///< first byte that is not on the wire
    std::size_t end = 0;
    time_point since;
  };
  message_tally drop_from(std::size_t first);
  void shrink();

  std::vector<entry> queue_;
  std::size_t next_ = 0;  ///< entries before it are done
  std::size_t bytes_ = 0;
  time_point taken_at_{};  ///< when the socket took bytes last
};

}  // namespace status2::transport
