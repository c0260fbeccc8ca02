/// The protocols in which a session speaks to its client, a row each: how the
/// request is answered and what stands between the messages.
#pragma once

#include "transport/encoding.hpp"
#include "transport/frame.hpp"
#include "transport/upgrade.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace status2::transport {

/// Thread: immutable, any thread.
struct client_protocol {
  /// In which frames about gaps are written that no channel sends.
  encoding kind;
  /// The client sends frames: it answers pings, and its Close frame ends the
  /// session. Otherwise what it sends is read and dropped, and the end of its
  /// stream ends the session.
  bool two_way;
  const frame_ptr& ping;
  /// The ping for a client that has been silent since the last one: libraries
  /// answer it of themselves. Null: nobody answers pings.
  const frame_ptr& ping_for_silent;
  const frame_ptr& hangup;
  /// The head of the response, with what comes before the first message.
  std::string (*answer)(const upgrade_request& request);
  /// The last block before the end of the stream; null: there is none.
  frame_ptr (*close)(std::uint16_t code, std::string_view text);
};

/// The row for a client that asks for `options`.
/// Source: RFC 6455; the HTML standard, section 9.2, server-sent events.
const client_protocol& protocol_of(const watch_options& options);

}  // namespace status2::transport
