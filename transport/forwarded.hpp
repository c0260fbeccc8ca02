/// Words of proxies about the client behind them.
/// Source: RFC 7239; X-Forwarded-For and X-Forwarded-Host as proxies send them.
#pragma once

#include "transport/proxy_set.hpp"
#include "transport/route.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// Reads one hop: an address, with or without a port, brackets and quotes.
/// Errors: nothing for `unknown`, a hidden name (`_proxy`), `unix:`, 0.0.0.0 or
/// any other text.
std::optional<address> parse_hop(std::string_view text);

/// The hops in front of the nearest proxy, nearest last, separated by commas:
/// all lines of X-Forwarded-For, or the `for` of all lines of Forwarded if
/// there are none of the first.
std::string forwarded_for(const http_request& request);

/// The address of the client behind `from`: with a trusted peer the last hop of
/// `hops` that is not a trusted proxy itself. no_address: the peer came by a
/// Unix socket and names nobody.
address client_address(const peer& from, std::string_view hops,
                       const proxy_set& trusted);

/// The host that the client asked the proxy `from` for; empty if the peer is
/// not trusted or says nothing.
std::string forwarded_host(const http_request& request, const peer& from,
                           const proxy_set& trusted);

}  // namespace status2::transport
