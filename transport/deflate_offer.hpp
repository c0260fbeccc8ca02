/// The negotiation of permessage-deflate: what a client offers, and what the
/// broker makes of it. Pure.
#pragma once

#include "transport/route.hpp"

#include <string>

namespace status2::transport {

/// Accepts the first offer of `request` that asks for nothing the broker lacks.
/// Returns the Sec-WebSocket-Extensions of the answer. Empty: no compression.
///
/// Neither side refers to earlier messages, asked or not. A message is
/// compressed once for all clients, so an offer that asks for a smaller window
/// than 32 KB is declined.
/// Source: RFC 7692 sections 5.1 and 7.1.
std::string accept_deflate(const http_request& request);

}  // namespace status2::transport
