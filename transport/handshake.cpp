#include "transport/handshake.hpp"

#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <array>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

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
  return std::ranges::all_of(key, [](char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '+' || byte == '/';
  });
}

bool has_body(const http_request& request) {
  const auto length = value_of(request, http::field::content_length);
  return request.count(http::field::transfer_encoding) > 0 ||
         (!length.empty() && length != "0");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& letter : out)
    if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
  return out;
}

/// `*` stands for any bytes but a slash; nothing else is special.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() != '*')
    return !text.empty() && pattern.front() == text.front() &&
           matches(pattern.substr(1), text.substr(1));
  const auto rest =
      pattern.substr(std::min(pattern.find_first_not_of('*'), pattern.size()));
  if (rest.empty()) return text.find('/') == std::string_view::npos;
  for (;; text.remove_prefix(1)) {
    if (matches(rest, text)) return true;
    if (text.empty() || text.front() == '/') return false;
  }
}

/// `host[:port]` of `scheme://host[:port]`; empty if it is none.
std::string_view host_of(std::string_view origin) {
  constexpr std::string_view separator = "://";
  const auto scheme_end = origin.find(separator);
  if (scheme_end == std::string_view::npos) return {};
  const auto host = origin.substr(scheme_end + separator.size());
  return host.substr(0, host.find_first_of("/?#"));
}

std::optional<http_refusal> refuse(const http_request& request) {
  using http::field;
  if (request.method() != http::verb::get)
    return http_refusal{405, "a channel takes GET only", field::allow, "GET"};
  if (has_body(request)) return http_refusal{400, "a GET takes no body"};
  if (request.version() != 11 ||
      !has_token(request, field::connection, "upgrade") ||
      !has_token(request, field::upgrade, "websocket"))
    return http_refusal{426, "a channel is a WebSocket", field::upgrade,
                        "websocket"};
  if (value_of(request, field::sec_websocket_version) != "13")
    return http_refusal{426, "the WebSocket version must be 13",
                        field::sec_websocket_version, "13"};
  if (!valid_key(value_of(request, field::sec_websocket_key)))
    return http_refusal{400, "Sec-WebSocket-Key must be 16 bytes in base64"};
  if (request.count(field::host) != 1)
    return http_refusal{400, "one Host header is needed"};
  return std::nullopt;
}

}  // namespace

handshake_decision decide(const http_request& request,
                          const handshake_rules& rules) {
  const auto target =
      split_target({request.target().data(), request.target().size()});
  auto named = parse_channel(target.path, rules.path_prefix);
  handshake_decision decision;
  if (!named.error.empty()) {
    decision.refusal = http_refusal{400, named.error};
    return decision;
  }
  decision.refusal = refuse(request);
  if (!decision.refusal &&
      !origin_allowed(value_of(request, http::field::origin),
                      value_of(request, http::field::host),
                      rules.allowed_origins))
    decision.refusal = http_refusal{403, "the origin is not allowed"};
  decision.channel = std::move(named.channel);
  decision.query = target.query;
  return decision;
}

std::string_view admin_path(std::string_view path, std::string_view prefix) {
  constexpr std::array<std::string_view, 3> known{"/health", "/ready",
                                                  "/metrics"};
  for (const auto candidate : {path, below_prefix(path, prefix)})
    if (std::ranges::find(known, candidate) != known.end() ||
        candidate.starts_with("/chaos/"))
      return candidate;
  return {};
}

bool origin_allowed(std::string_view origin, std::string_view host,
                    const std::vector<std::string>& patterns) {
  if (patterns.empty() || origin.empty()) return true;
  const auto from = lower(origin);
  const auto from_host = host_of(from);
  if (!from_host.empty() && from_host == lower(host)) return true;
  return std::ranges::any_of(patterns, [&](std::string_view pattern) {
    const bool with_scheme = pattern.find("://") != std::string_view::npos;
    return matches(lower(pattern), with_scheme ? from : from_host);
  });
}

http_refusal too_many_connections() {
  return {503, "too many connections", http::field::retry_after, "5"};
}

http_refusal too_many_from_address() {
  return {503, "too many connections from this address",
          http::field::retry_after, "5"};
}

http_refusal draining() {
  return {503, "shutting down", http::field::retry_after, "5"};
}

http_refusal body_too_large() {
  return {413, "the body is too large"};
}

http_refusal header_too_large() {
  return {431, "the header is too large"};
}

http_refusal bad_request() {
  return {400, "this is no HTTP request"};
}

http_refusal admin_method_not_allowed() {
  return {405, "this path takes GET and HEAD only", http::field::allow,
          "GET, HEAD"};
}

}  // namespace status2::transport
