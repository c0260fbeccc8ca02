/// Blocks of large batches. On the main path: the subscriber encodes a batch of
/// ordinary size itself and leaves a larger one to a framer, so that the thread
/// of the Redis link goes on with other channels.
#pragma once

#include "actors/messages.hpp"
#include "transport/encoding.hpp"
#include "transport/frame.hpp"

#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>

#include <cstddef>
#include <vector>

namespace status2::actors {

/// Bytes of payload that a subscriber encodes itself.
inline constexpr std::size_t most_encoded_here = 1048576;

/// The same if viewers want compression, which takes 7 ns a byte.
inline constexpr std::size_t most_compressed_here = 65536;

/// Bytes into which the envelope of a message, its id and a frame header fit.
constexpr std::size_t envelope_of(transport::encoding kind) {
  return kind == transport::encoding::plain ? 64 : 128;
}

/// Makes room in `block` for `count` messages with payloads of `bytes` in all.
/// How much compressed ones take is not known before.
inline void reserve_for(transport::frame_block& block, std::size_t bytes,
                        std::size_t count) {
  if (is_deflated(block.kind)) return;
  block.bytes.reserve(block.bytes.size() + bytes +
                      envelope_of(block.kind) * count);
}

/// The blocks of a batch in each of the encodings that are wanted: in order,
/// with a gap in place of each message that was dropped. Thread: any.
std::vector<transport::frame_ptr> blocks_of(const blocks_wanted& wanted);

/// Answers one blocks_wanted and ends. Lives on a thread of its own: see
/// spawn_detached().
struct framer_state {
  static constexpr const char* name = "status2.framer";

  explicit framer_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  /// Errors: the answer is an error if there is not enough memory.
  caf::behavior make_behavior();

  caf::event_based_actor* self;
};

}  // namespace status2::actors
