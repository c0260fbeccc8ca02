/// How messages, gaps and the end of a replay are written in each encoding.
/// On the main path: the subscriber actor calls it once per message and
/// encoding. Pure.
#pragma once

#include "transport/encoding.hpp"
#include "transport/frame.hpp"

#include <cstdint>
#include <string_view>

namespace status2::transport {

/// Place of a message, or of a gap, in its channel.
struct position {
  std::string_view epoch;
  std::uint64_t number = 0;
};

/// Appends one Redis payload to `block`, in the encoding of the block.
/// Source: docs/contract.md; of event streams, the HTML standard section 9.2.
void append_message(frame_block& block, const position& at,
                    std::string_view payload);

/// A block with the last word of a channel, in front of a replay. `kind` is an
/// encoding with ids.
frame_ptr encode_last_word(encoding kind, const position& at,
                           std::string_view payload);

/// A block with the frame about one gap.
frame_ptr encode_gap(encoding kind, const position& at, const gap& what);

/// The same for a gap in front of a replay, which has no place in the channel.
frame_ptr encode_gap(encoding kind, const gap& what);

/// The end of a replay.
struct resumption {
  bool complete = true;        ///< no message is missing
  std::uint64_t replayed = 0;  ///< messages
};
/// `at` is the newest entry of the channel: a client that gets no message
/// resumes from there.
frame_ptr encode_resumption(encoding kind, const position& at,
                            const resumption& what);

}  // namespace status2::transport
