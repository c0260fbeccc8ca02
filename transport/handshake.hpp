/// What a request for a channel is answered: an upgrade or a refusal. Pure.
#pragma once

#include "transport/target.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

using http_request =
    boost::beast::http::request<boost::beast::http::empty_body>;

/// An answer that opens no WebSocket.
struct http_refusal {
  unsigned status = 400;
  std::string_view reason;  ///< one line, in the body
  /// One header that belongs to the status.
  boost::beast::http::field field = boost::beast::http::field::unknown;
  std::string_view value = {};
};

struct handshake_rules {
  std::string_view path_prefix;
  const std::vector<std::string>& allowed_origins;  ///< empty: any
};

/// A channel, or why there is no upgrade to one.
struct handshake_decision {
  std::optional<http_refusal> refusal;
  channel_name channel;
  std::string_view query;  ///< into the request's target
};

/// Judges a request that asks for no admin path.
/// Source: RFC 6455 section 4.2.1, docs/contract.md.
handshake_decision decide(const http_request& request,
                          const handshake_rules& rules);

/// `/health`, `/ready`, `/metrics` or what is below `/chaos/` if `path` is one
/// of them, with or without the prefix; else empty.
std::string_view admin_path(std::string_view path, std::string_view prefix);

/// Whether a page of `origin` may connect to `host`: its own host may, no
/// origin (no browser) may, and what a pattern matches, with or without
/// scheme, upper case or lower.
bool origin_allowed(std::string_view origin, std::string_view host,
                    const std::vector<std::string>& patterns);

/// Refusals that depend on more than the request.
http_refusal too_many_connections();
http_refusal too_many_from_address();
http_refusal draining();
http_refusal body_too_large();
http_refusal header_too_large();
http_refusal bad_request();
http_refusal admin_method_not_allowed();

}  // namespace status2::transport
