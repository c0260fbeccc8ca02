/// The answer to a client's key in the handshake. Pure.
#pragma once

#include <string>
#include <string_view>

namespace status2::transport {

/// `Sec-WebSocket-Accept` for `Sec-WebSocket-Key: client_key`.
/// Errors: throws where OpenSSL has no SHA-1.
/// Source: RFC 6455 section 4.2.2.
std::string accept_key(std::string_view client_key);

}  // namespace status2::transport
