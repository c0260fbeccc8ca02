#include "transport/handshake.hpp"

#include "transport/characters.hpp"
#include "transport/deflate_offer.hpp"
#include "transport/event_stream.hpp"
#include "transport/wildcard.hpp"

#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <utility>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

constexpr std::string_view own_subprotocol = "status2.v1";

bool has_token(const http_request& request, http::field field,
               std::string_view token) {
  const auto lines = request.equal_range(field);
  return std::any_of(lines.first, lines.second, [token](const auto& line) {
    return http::token_list{line.value()}.exists(token);
  });
}

std::string_view value_of(const http_request& request, http::field field) {
  const auto value = request[field];
  return {value.data(), value.size()};
}

/// Whether `key` looks like 16 bytes in base64.
bool valid_key(std::string_view key) {
  constexpr std::size_t length = 24;
  constexpr std::string_view end = "==";
  if (key.size() != length || !key.ends_with(end)) return false;
  key.remove_suffix(end.size());
  return made_of(key, "+/");
}

bool has_body(const http_request& request) {
  const auto length = value_of(request, http::field::content_length);
  return request.count(http::field::transfer_encoding) > 0 ||
         (!length.empty() && length != "0");
}

bool upgrades(const http_request& request) {
  return has_token(request, http::field::connection, "upgrade") &&
         has_token(request, http::field::upgrade, "websocket");
}

std::optional<refusal> unsound_upgrade(const http_request& request) {
  using http::field;
  if (request.version() != 11) return refusal::http_version;
  if (value_of(request, field::sec_websocket_version) != "13")
    return refusal::websocket_version;
  if (request.count(field::sec_websocket_key) != 1 ||
      !valid_key(value_of(request, field::sec_websocket_key)))
    return refusal::websocket_key;
  return std::nullopt;
}

/// What the request wants of its channel, in its query and its fields.
watch_options options_of(const http_request& request, std::string_view query) {
  auto options = parse_watch_options(query);
  options.event_stream = !upgrades(request) && (options.event_stream ||
                                                accepts_event_stream(request));
  if (!options.event_stream) return options;
  // A client that comes back has the same address, and what it got last here.
  const auto last = request["Last-Event-ID"];
  if (!last.empty()) {
    if (!options.replay) options.replay.emplace();
    options.replay->since = std::string(last);
  }
  // Without a replay the client would not learn the id from which to go on.
  if (!options.replay) options.replay = {std::nullopt, 0};
  return options;
}

/// The method comes first: a POST to a channel is told so, whatever else it
/// lacks.
std::optional<refusal> unsound(const http_request& request,
                               const watch_options& options) {
  if (request.method() != http::verb::get) return refusal::method;
  if (has_body(request)) return refusal::body;
  if (options.event_stream) return std::nullopt;
  if (!upgrades(request)) return refusal::upgrade;
  return unsound_upgrade(request);
}

bool matches_any(const std::vector<std::string>& patterns,
                 std::string_view name) {
  return std::ranges::any_of(patterns, [name](const auto& pattern) {
    return wildcard_match(pattern, name);
  });
}

/// The first subprotocol that the client offers and the broker speaks.
std::string choose_subprotocol(const http_request& request,
                               const std::vector<std::string>& known) {
  const auto lines = request.equal_range(http::field::sec_websocket_protocol);
  for (auto line = lines.first; line != lines.second; ++line)
    for (const auto offered : http::token_list{line->value()}) {
      std::string name(offered);
      if (name == own_subprotocol ||
          std::ranges::find(known, name) != known.end())
        return name;
    }
  return {};
}

handshake refused(refusal why) {
  handshake result;
  result.refused = why;
  return result;
}

}  // namespace

handshake read_handshake(const http_request& request,
                         const routed_request& routed,
                         const handshake_rules& rules) {
  auto named = parse_channel(routed.path, rules.path_prefix);
  if (named.refused) return refused(*named.refused);
  auto options = options_of(request, routed.query);
  if (const auto why = unsound(request, options)) return refused(*why);
  if (is_reserved(named.channel)) return refused(refusal::reserved);
  if (!rules.allowed_channels.empty() &&
      !matches_any(rules.allowed_channels, named.channel.full))
    return refused(refusal::channel);
  handshake result;
  result.channel = std::move(named.channel);
  result.options = std::move(options);
  if (result.options.event_stream) {
    result.origin = value_of(request, http::field::origin);
    return result;
  }
  result.key = value_of(request, http::field::sec_websocket_key);
  result.subprotocol = choose_subprotocol(request, rules.subprotocols);
  if (rules.compression) result.extensions = accept_deflate(request);
  result.options.deflated = !result.extensions.empty();
  return result;
}

}  // namespace status2::transport
