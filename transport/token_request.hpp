/// Where a request carries a token. Pure.
#pragma once

#include "transport/route.hpp"

#include <cstdint>
#include <string_view>

namespace status2::transport {

enum class token_carrier : std::uint8_t {
  none,
  header,       ///< `Authorization: Bearer <token>`
  subprotocol,  ///< `status2.bearer.<token>` in Sec-WebSocket-Protocol
  ticket,       ///< `?ticket=<ticket>`
  cookie
};

/// Subprotocols that begin with this carry a token and are never answered.
inline constexpr std::string_view token_subprotocol = "status2.bearer.";

/// A view into the request.
struct carried_token {
  token_carrier by = token_carrier::none;
  std::string_view text;
};

/// The token of `request`: of several carriers the first in the order of
/// token_carrier counts, whatever its token is worth. `query`: of the target.
/// `cookie`: the name of the cookie; empty: no cookie counts.
/// Source: RFC 6750 section 2.1, RFC 6265 section 4.2.1.
carried_token find_token(const http_request& request, std::string_view query,
                         std::string_view cookie);

}  // namespace status2::transport
