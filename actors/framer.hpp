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

/// Bytes into which the envelope of a message, its id and a frame header fit.
constexpr std::size_t envelope_of(transport::encoding kind) {
  return kind == transport::encoding::plain ? 64 : 128;
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
