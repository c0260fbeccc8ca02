/// The answer of a WebSocket server to a client's key. Pure.
#pragma once

#include <string>
#include <string_view>

namespace status2::bench {

/// `Sec-WebSocket-Accept` for `Sec-WebSocket-Key: key`.
/// Source: RFC 6455 section 4.2.2.
std::string accept_key(std::string_view key);

}  // namespace status2::bench
