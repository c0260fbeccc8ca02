/// What a client asks for: in the query of its address, and in its request.
/// Pure.
#pragma once

#include "transport/encoding.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// The messages that a client wants before the live ones.
struct replay_request {
  /// Id of the last message that the client has; any text. Nothing: the client
  /// has no messages.
  std::optional<std::string> since;
  /// Longest replay, in messages, if `since` names no message that the replay
  /// can begin behind. Nothing: all messages that are kept.
  std::optional<std::size_t> most;
};

struct watch_options {
  /// `gap=1`: frames about gaps are wanted.
  bool gaps = false;
  /// `stream=sse`: server-sent events are wanted, not a WebSocket.
  bool event_stream = false;
  /// `tail=N` or `since=ID`: messages carry ids, and a replay comes first.
  std::optional<replay_request> replay;

  /// An event stream that a page may read although it sent a cookie.
  bool credentials = false;

  /// Compression of messages was negotiated.
  bool deflated = false;

  encoding kind() const {
    if (event_stream) return encoding::event_stream;
    if (deflated)
      return replay ? encoding::numbered_deflated : encoding::plain_deflated;
    return replay ? encoding::numbered : encoding::plain;
  }
};

/// Reads `query`, without its `?`. Unknown parameters are left out, a value
/// that cannot be read asks for all that is kept, and of one name given twice
/// the last counts: a query is never refused.
watch_options parse_watch_options(std::string_view query);

}  // namespace status2::transport
