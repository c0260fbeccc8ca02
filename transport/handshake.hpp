/// The third step of a request for a channel: from its header to a channel and
/// what the client wants of it, by WebSocket or as an event stream, or to a
/// refusal. Pure.
#pragma once

#include "transport/refusal.hpp"
#include "transport/route.hpp"
#include "transport/target.hpp"
#include "transport/watch_options.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

struct handshake_rules {
  std::string_view path_prefix;
  /// Patterns with `*` for whole channel names; empty: any channel.
  const std::vector<std::string>& allowed_channels;
  /// Names besides `status2.v1`, in any order.
  const std::vector<std::string>& subprotocols;
  /// Whether clients that offer compression get it.
  bool compression = false;
};

/// A sound request for a channel. Owns its strings: the parsed header may go.
struct handshake {
  std::optional<refusal> refused;  ///< set: the rest is not
  channel_name channel;
  watch_options options;
  std::string key;          ///< Sec-WebSocket-Key; empty: an event stream
  std::string origin;       ///< of the page that reads an event stream
  std::string subprotocol;  ///< empty: none that both sides know
  std::string extensions;  ///< Sec-WebSocket-Extensions of the answer, or empty
  std::unique_ptr<session_token> token;  ///< set by who judges tokens
};

/// Reads a request that find_route() gave to resource::channel.
/// Source: RFC 6455 section 4.2.1, the HTML standard section 9.2,
/// docs/contract.md.
handshake read_handshake(const http_request& request,
                         const routed_request& routed,
                         const handshake_rules& rules);

}  // namespace status2::transport
