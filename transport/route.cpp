#include "transport/route.hpp"

#include "transport/target.hpp"

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>

#include <array>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

enum class methods : std::uint8_t { get_head, get, post, post_options };

struct route {
  std::string_view path;
  resource serves;
  methods accepts;
  bool for_viewers;  ///< on a port for viewers as well
};

constexpr std::string_view commands = "/chaos/";

// clang-format off
constexpr std::array routes{
    route{"/health",       resource::health,         methods::get_head, true},
    route{"/ready",        resource::ready,          methods::get_head, false},
    route{"/metrics",      resource::metrics,        methods::get_head, false},
    route{"/client.js",    resource::client,         methods::get_head, true},
    route{"/client-" STATUS2_CLIENT_HASH ".js",
                           resource::client_by_hash, methods::get_head, true},
    route{"/example",      resource::example,        methods::get_head, true},
    route{"/example.js",   resource::example_script, methods::get_head, true},
    route{"/example.css",  resource::example_style,  methods::get_head, true},
    route{"/v1/tickets",   resource::tickets,        methods::post_options, true},
    route{"/chaos/actors", resource::chaos_actors,   methods::get,      false},
    route{"/chaos/kill",   resource::chaos_kill,     methods::post,     false},
    route{"/chaos/redis",  resource::chaos_redis,    methods::post,     false},
};
constexpr route unknown_command{
           commands,       resource::chaos_unknown,  methods::get,      false};
// clang-format on

bool takes(const route& found, http::verb method) {
  switch (found.accepts) {
    case methods::get_head:
      return method == http::verb::get || method == http::verb::head;
    case methods::get:
      return method == http::verb::get;
    case methods::post:
      return method == http::verb::post;
    case methods::post_options:
      return method == http::verb::post || method == http::verb::options;
  }
  return false;
}

const route* find(std::string_view path, const route_rules& rules) {
  for (const auto& one : routes)
    if (one.path == path && (one.serves != resource::tickets || rules.tickets))
      return &one;
  return path.starts_with(commands) ? &unknown_command : nullptr;
}

/// Errors that concern no resource, but every request.
std::optional<refusal> unsound(const http_request& request) {
  using http::field;
  const auto encodings = request.count(field::transfer_encoding);
  if (encodings > 1 ||
      (encodings == 1 &&
       !boost::beast::iequals(request[field::transfer_encoding], "chunked")))
    return refusal::transfer_encoding;
  const auto hosts = request.count(field::host);
  // HTTP/1.0 knows no Host.
  if (hosts > 1 || (hosts == 0 && request.version() != 10))
    return refusal::host;
  return std::nullopt;
}

}  // namespace

routed_request find_route(const http_request& request,
                          const route_rules& rules) {
  routed_request result;
  result.refused = unsound(request);
  if (result.refused) return result;
  const auto target =
      split_target({request.target().data(), request.target().size()});
  if (!target) {
    result.refused = refusal::target;
    return result;
  }
  const auto host = request[http::field::host];
  result.host = target->host.empty()
                    ? std::string_view(host.data(), host.size())
                    : target->host;
  result.names_host = !target->host.empty() || request.version() != 10 ||
                      request.count(http::field::host) > 0;
  result.path = target->path;
  result.query = target->query;
  const auto* found = find(target->path, rules);
  if (found == nullptr && !rules.path_prefix.empty()) {
    result.path = below_prefix(target->path, rules.path_prefix);
    found = find(result.path, rules);
  }
  if (found == nullptr) {
    result.path = target->path;
    if (rules.role == port_role::admin) result.refused = refusal::not_found;
    return result;
  }
  result.serves = found->serves;
  result.method_allowed = takes(*found, request.method());
  if (rules.role == port_role::viewers && !found->for_viewers)
    result.refused = refusal::not_found;
  else if (!result.method_allowed && !is_command(found->serves))
    result.refused = found->serves == resource::tickets ? refusal::ticket_method
                                                        : refusal::page_method;
  return result;
}

bool is_command(resource what) {
  return what >= resource::chaos_actors;
}

}  // namespace status2::transport
