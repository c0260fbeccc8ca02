/// The second step of a request: from its target to the resource that serves
/// it. Pure. The table of routes is the only place that compares paths.
#pragma once

#include "transport/refusal.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace status2::transport {

using http_request =
    boost::beast::http::request<boost::beast::http::empty_body>;

enum class resource : std::uint8_t {
  channel,
  health,
  ready,
  metrics,
  client,          ///< the browser client
  client_by_hash,  ///< the same, at a path of this version alone
  example,
  example_script,
  example_style,
  tickets,  ///< makes a ticket for a token
  chaos_actors,
  chaos_kill,
  chaos_redis,
  chaos_unknown  ///< another path below `/chaos/`
};

/// Part of the broker that a listening port serves.
enum class port_role : std::uint8_t {
  all,
  viewers,  ///< channels, `/health`, the browser client and its example
  admin     ///< every page and command, no channels
};

struct route_rules {
  std::string_view path_prefix;  ///< empty or `/…`, no slash at its end
  port_role role = port_role::all;
  bool tickets = false;  ///< there are tickets
};

/// A resource, or the reason why none serves the request. Views point into the
/// request's target.
struct routed_request {
  std::optional<refusal> refused;
  resource serves = resource::channel;
  /// Commands only: the method is one of the route's. The owner answers a wrong
  /// method itself, behind its check of the token.
  bool method_allowed = true;
  /// The host that the client asked for: of an absolute-form target, else of
  /// the Host header.
  std::string_view host;
  /// False: there is neither. Only HTTP/1.0 may leave it out, and no browser
  /// does.
  bool names_host = true;
  std::string_view path;   ///< of a page or a command: without the prefix
  std::string_view query;  ///< without `?`
};

/// Finds the resource for `request`, and refuses a request that is wrong for
/// every resource, or for its page.
/// Source: RFC 9112 sections 3.2 and 6.1, docs/contract.md.
routed_request find_route(const http_request& request,
                          const route_rules& rules);

/// Whether `what` is a command of the chaos door.
bool is_command(resource what);

}  // namespace status2::transport
