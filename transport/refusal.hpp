/// Reasons for which a request is refused: the one table behind status codes,
/// answers, log lines and the label of `status2_requests_refused_total`.
#pragma once

#include <boost/beast/http/field.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace status2::transport {

/// `limit`: the request was sound, but a limit of the broker refused it. The
/// log line of a limit is a warning, every other one is information.
enum class refusal_kind : std::uint8_t { request, limit };

// clang-format off
/// X(name, status, kind, header field, its value, the setting that decides,
///   text for the client)
#define STATUS2_REFUSALS(X)                                                   \
  X(proxy_header, 400, request, unknown, "",                                  \
    "STATUS_PROXY_PROTOCOL",                                                  \
    "the connection must begin with a PROXY header")                          \
  X(proxy_peer, 403, request, unknown, "",                                    \
    "STATUS_TRUSTED_PROXIES, if STATUS_PROXY_PROTOCOL is set",                \
    "connections must come from a trusted proxy")                             \
  X(plain_http, 400, request, unknown, "",                                    \
    "STATUS_TLS_CERT_FILE",                                                   \
    "this port speaks TLS: use https or wss")                                 \
  X(not_http, 400, request, unknown, "",                                      \
    "",                                                                       \
    "this is no HTTP request")                                                \
  X(header_size, 431, request, unknown, "",                                   \
    "STATUS_MAX_HEADER_SIZE",                                                 \
    "the header is too large")                                                \
  X(header_fields, 431, request, unknown, "",                                 \
    "",                                                                       \
    "the header has too many fields")                                         \
  X(target, 400, request, unknown, "",                                        \
    "",                                                                       \
    "the request target must be a path or an http, https, ws or wss URL")     \
  X(transfer_encoding, 400, request, unknown, "",                             \
    "",                                                                       \
    "the only transfer encoding that is understood is chunked")               \
  X(host, 400, request, unknown, "",                                          \
    "",                                                                       \
    "one Host header is needed")                                              \
  X(misdirected, 421, request, unknown, "",                                   \
    "STATUS_HOSTS",                                                           \
    "this host is not served here")                                           \
  X(method, 405, request, allow, "GET",                                       \
    "",                                                                       \
    "a channel takes GET only")                                               \
  X(page_method, 405, request, allow, "GET, HEAD",                            \
    "",                                                                       \
    "this path takes GET and HEAD only")                                      \
  X(body, 400, request, unknown, "",                                          \
    "",                                                                       \
    "a GET takes no body")                                                    \
  X(body_size, 413, request, unknown, "",                                     \
    "",                                                                       \
    "the body is too large")                                                  \
  X(not_found, 404, request, unknown, "",                                     \
    "",                                                                       \
    "not found")                                                              \
  X(prefix, 400, request, unknown, "",                                        \
    "STATUS_PATH_PREFIX",                                                     \
    "the path is not below the prefix")                                       \
  X(encoding, 400, request, unknown, "",                                      \
    "",                                                                       \
    "the path has a broken percent-encoding")                                 \
  X(no_channel, 400, request, unknown, "",                                    \
    "",                                                                       \
    "the path is not <run>:<channel>")                                        \
  X(channel_length, 400, request, unknown, "",                                \
    "",                                                                       \
    "the channel is longer than 256 bytes")                                   \
  X(run_name, 400, request, unknown, "",                                      \
    "",                                                                       \
    "the run must match [A-Za-z0-9_.;-]+")                                    \
  X(channel_name, 400, request, unknown, "",                                  \
    "",                                                                       \
    "the channel must match [A-Za-z0-9_.-]+")                                 \
  X(reserved, 403, request, unknown, "",                                      \
    "",                                                                       \
    "names that begin with status2: or __sentinel__: are reserved")           \
  X(channel, 403, request, unknown, "",                                       \
    "STATUS_ALLOWED_CHANNELS",                                                \
    "the channel is not allowed")                                             \
  X(upgrade, 426, request, upgrade, "websocket",                              \
    "",                                                                       \
    "a channel is a WebSocket, or an event stream for a client that sends "   \
    "Accept: text/event-stream")                                              \
  X(http_version, 426, request, upgrade, "websocket",                         \
    "",                                                                       \
    "a WebSocket needs HTTP/1.1; behind nginx: proxy_http_version 1.1")       \
  X(websocket_version, 426, request, sec_websocket_version, "13",             \
    "",                                                                       \
    "the WebSocket version must be 13")                                       \
  X(websocket_key, 400, request, unknown, "",                                 \
    "",                                                                       \
    "one Sec-WebSocket-Key of 16 bytes in base64 is needed")                  \
  X(origin, 403, request, unknown, "",                                        \
    "STATUS_ALLOWED_ORIGINS",                                                 \
    "the origin is not allowed")                                              \
  X(token_missing, 401, request, www_authenticate, "Bearer",                  \
    "STATUS_JWT_KEY_FILE",                                                    \
    "a token is needed")                                                      \
  X(token, 401, request, www_authenticate, "Bearer",                          \
    "STATUS_JWT_KEY_FILE",                                                    \
    "the token is not accepted")                                              \
  X(token_channel, 403, request, unknown, "",                                 \
    "STATUS_JWT_KEY_FILE",                                                    \
    "the token does not open this channel")                                   \
  X(ticket_method, 405, request, allow, "POST",                               \
    "",                                                                       \
    "tickets are made by POST")                                               \
  X(chaos_page, 403, request, unknown, "",                                    \
    "",                                                                       \
    "a page may not use the chaos door")                                      \
  X(chaos_token, 401, request, unknown, "",                                   \
    "STATUS_CHAOS_TOKEN_FILE",                                                \
    "the bearer token is missing or wrong")                                   \
  X(chaos_guesses, 429, request, retry_after, "1",                            \
    "",                                                                       \
    "too many wrong tokens")                                                  \
  X(connections, 503, limit, retry_after, "5",                                \
    "STATUS_MAX_CONNECTIONS, or the limit of open descriptors",               \
    "too many connections")                                                   \
  X(address, 503, limit, retry_after, "5",                                    \
    "STATUS_MAX_CONNECTIONS_PER_IP",                                          \
    "too many connections from this address")                                 \
  X(channels, 503, limit, retry_after, "5",                                   \
    "STATUS_MAX_CHANNELS",                                                    \
    "too many channels")                                                      \
  X(tickets, 503, limit, retry_after, "5",                                    \
    "",                                                                       \
    "too many tickets")                                                       \
  X(out_of_memory, 503, limit, retry_after, "5",                              \
    "",                                                                       \
    "out of memory")                                                          \
  X(drain, 503, limit, retry_after, "5",                                      \
    "",                                                                       \
    "shutting down")
// clang-format on

enum class refusal : std::uint8_t {
#define X(name, status, kind, field, value, setting, text) name,
  STATUS2_REFUSALS(X)
#undef X
};

/// Number of refusals, for arrays indexed by one.
inline constexpr std::size_t refusal_count = 0
#define X(name, status, kind, field, value, setting, text) +1
    STATUS2_REFUSALS(X)
#undef X
    ;

struct refusal_row {
  std::string_view label;  ///< in metrics and logs
  unsigned status;
  refusal_kind kind;
  /// One header that belongs to the status; `unknown`: none.
  boost::beast::http::field field;
  std::string_view value;
  std::string_view setting;  ///< for the documents; empty: none decides
  std::string_view text;     ///< one line, the body of the answer
};

const refusal_row& describe(refusal why);

}  // namespace status2::transport
