/// Every line the broker logs, as one table, and the one way to log it.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace status2::actors {

// clang-format off
/// X(event, DEBUG|INFO|WARN|ERROR, component, msg, when it is logged)
#define STATUS2_LOG_EVENTS(X)                                                  \
  X(starting, INFO, "service", "status2 starting",                             \
    "First line of a start; carries the version and the address.")             \
  X(listening, INFO, "service", "listening",                                   \
    "An address is open; a line for each.")                                    \
  X(shutdown_signal, INFO, "service", "shutdown signal received",              \
    "SIGTERM, SIGINT or SIGQUIT came; clients are being closed. A second "     \
    "line: the process ends now.")                                             \
  X(stopped, INFO, "service", "stopped",                                       \
    "Last line, also after `could not serve`; `code` is the exit code.")       \
  X(serve_failed, ERROR, "service", "could not serve",                         \
    "The port could not be opened; the process ends with exit code 1.")        \
  X(log_lines_lost, WARN, "service", "log lines lost",                         \
    "Standard output failed or did not keep up, and takes lines again; "       \
    "`lines` were lost since the last line like this one.")                    \
  X(out_of_memory, ERROR, "service", "out of memory",                          \
    "An allocation failed, and the reserve of 4 MB was given back. New "       \
    "clients are answered 503. At most one line a second.")                    \
  X(memory_back, INFO, "service", "memory reserve restored",                   \
    "The reserve of 4 MB is there again; clients are accepted.")               \
  X(any_origin, WARN, "service", "any origin is accepted",                     \
    "STATUS_ALLOWED_ORIGINS is empty.")                                        \
  X(short_pong_timeout, WARN, "service", "pong timeout is below 60s",          \
    "Browsers slow their timers in hidden tabs and would be closed.")          \
  X(settings_ignored, WARN, "service", "settings without effect",              \
    "Variables that do not go with the Redis URL, options of the URL that are " \
    "not known, variables of tokens without STATUS_JWT_KEY_FILE, and keys in "  \
    "that file that cannot be used; `settings` names them.")                   \
  X(reloaded, INFO, "service", "configuration reloaded",                       \
    "SIGHUP came, and the configuration that was read is in use; `settings` "  \
    "names the variables that changed.")                                       \
  X(reload_refused, ERROR, "service", "configuration not accepted",            \
    "SIGHUP came, and what was read is wrong (`error`): everything stays as "  \
    "it was.")                                                                 \
  X(restart_needed, WARN, "service", "restart needed",                         \
    "Variables that changed and need a restart; `settings` names them. Their " \
    "running values stay.")                                                    \
  X(connection_limit, INFO, "service", "connection limit",                     \
    "How many clients are accepted, and what set the limit.")                  \
  X(io_backend, INFO, "service", "io backend",                                 \
    "How frames are sent: `backend`, with the system call `call`; `error` "    \
    "says what stands in the way of a better one.")                            \
  X(batch_call_given_up, WARN, "session", "batch call given up",               \
    "io_uring or native AIO failed on an I/O thread (`error`); it sends with " \
    "`call` from now on. Nothing is lost.")                                    \
  X(io_stalled, WARN, "session", "io thread late",                             \
    "An I/O thread did not run for `late_ms`: the process was stopped, the "   \
    "machine suspended or busy. No client is judged for that time. At most "   \
    "one line a second and thread.")                                           \
  X(proxy_found, INFO, "listener", "trusted proxy found",                      \
    "A name in STATUS_TRUSTED_PROXIES has these addresses now.")               \
  X(proxy_unresolved, WARN, "listener", "trusted proxy not found",             \
    "A name in STATUS_TRUSTED_PROXIES could not be looked up. It trusts "      \
    "nobody, or for five minutes the addresses of the last answer, if the "    \
    "lookup itself failed; at most one line a minute and name.")               \
  X(tls, INFO, "listener", "tls",                                              \
    "how clients are served over TLS: certificate, kernel TLS")                \
  X(tls_handshake_failed, INFO, "listener", "tls handshake failed",            \
    "a client and the broker did not agree; once a second at most, "           \
    "`suppressed` counts the others")                                          \
  X(accept_failed, ERROR, "listener", "accept failed",                         \
    "Often out of descriptors; accepting is tried again every 100 ms.")        \
  X(client_connected, DEBUG, "session", "client connected",                    \
    "A session opened.")                                                       \
  X(client_disconnected, DEBUG, "session", "client disconnected",              \
    "A session ended on the client's account.")                                \
  X(client_closed, INFO, "session", "client closed by server",                 \
    "The server closed; `reason` names the row of docs/contract.md. At most "  \
    "20 lines a second for each reason and I/O thread, and so below.")         \
  X(slow_consumer, WARN, "session", "slow consumer closed",                    \
    "A client did not read fast enough and was closed with 1008.")             \
  X(client_dropped, WARN, "session", "client dropped by server",               \
    "Closed for the sake of all: `reason` is `memory_limit` or "               \
    "`inbound_limit`; `out_of_memory`, an allocation for this client failed; " \
    "or `internal_error`, a bug, with its cause in `error`.")                  \
  X(malformed_message, WARN, "session", "malformed client message",            \
    "A client sent text that is not JSON; at most one line a second and I/O "  \
    "thread. Without `text` if clients need tokens.")                          \
  X(token_refused, INFO, "session", "token refused",                           \
    "A connected client sent a token in an `auth` message that is not "        \
    "accepted; it keeps the one it has. `reason` is a row of "                 \
    "`status2_tokens_refused_total`; at most one line a second and I/O "       \
    "thread.")                                                                 \
  X(token_keys_replaced, INFO, "service", "token keys replaced",               \
    "Tokens are judged by the keys of another STATUS_JWT_KEY_FILE from now "   \
    "on; clients whose key is gone are closed within 5 s.")                    \
  X(tokens_needed, INFO, "service", "tokens needed",                           \
    "Clients need a token: STATUS_JWT_KEY_FILE is set. `keys` is the number "  \
    "of keys that tokens may be signed with.")                                 \
  X(redis_connecting, DEBUG, "redis", "redis connecting",                      \
    "An attempt starts.")                                                      \
  X(redis_established, INFO, "redis", "redis subscribe established",           \
    "Redis has acknowledged every wanted channel after a connect; "            \
    "`channels` counts that of the canary too.")                               \
  X(channel_established, INFO, "redis", "redis subscribe established",         \
    "Redis has acknowledged one more channel.")                                \
  X(redis_interrupted, WARN, "redis", "redis stream interrupted",              \
    "The link was lost; clients stay connected and it is opened again.")       \
  X(redis_failed, WARN, "redis", "redis subscribe failed",                     \
    "An attempt to connect, log in or subscribe failed.")                      \
  X(redis_warning, WARN, "redis", "redis command refused",                     \
    "Redis refused a command of the login that messages do not depend on; "    \
    "the link goes on.")                                                       \
  X(redis_surfaced, ERROR, "redis", "redis unavailable",                       \
    "STATUS_REDIS_MAX_RETRIES attempts in a row failed; /ready says 503.")     \
  X(message_too_large, WARN, "redis", "message too large",                     \
    "A message larger than STATUS_MAX_PAYLOAD was dropped; `bytes` is its "    \
    "size. At most one line a second.")                                        \
  X(redis_change_begun, INFO, "redis", "redis change begun",                   \
    "A reload changed how Redis is reached; a second link is opened beside "   \
    "the one that serves.")                                                    \
  X(redis_change_failed, WARN, "redis", "redis change failed",                 \
    "The second link did not come to serve (`error`); the first serves on, "   \
    "and it is tried again after `backoff`.")                                  \
  X(redis_changed, INFO, "redis", "redis changed",                             \
    "The link uses the new settings. Without a `link` it kept its "            \
    "connection, and they count from the next one on.")                        \
  X(redis_silent, WARN, "redis", "redis link silent",                          \
    "A request, the liveness PING or another, went unanswered; a second link " \
    "is opened beside it.")                                                    \
  X(redis_link_chosen, INFO, "redis", "redis link chosen",                     \
    "Of two links one proved alive; the other is closed.")                     \
  X(canary_late, ERROR, "canary", "canary late",                               \
    "A message of the broker's own did not come back, or Redis does not "      \
    "subscribe its channel; /ready says 503.")       \
  X(canary_back, INFO, "canary", "canary back",                                \
    "The canary came back in time again.")                                     \
  X(canary_refused, WARN, "canary", "canary refused",                          \
    "Redis does not let the broker publish to its own channel; /ready goes "   \
    "by the link alone.")                                                      \
  X(chaos_used, WARN, "chaos", "fault injected",                               \
    "Somebody used the chaos door; `action` and `actor` tell what for.")       \
  X(chaos_asked, WARN, "chaos", "chaos door asked",                            \
    "Somebody asked the chaos door for the living actors (`action` is "        \
    "`tree`), or for what it refused (`error`).")                              \
  X(chaos_denied, WARN, "chaos", "chaos access denied",                        \
    "A request to the chaos door without its token, with too many wrong ones " \
    "before it, or from a page; at most one line a second.")                   \
  X(request_failed, ERROR, "listener", "request failed",                       \
    "A bug: an exception ended a connection before its request was answered.") \
  X(channel_refused, WARN, "supervisor", "channel refused",                    \
    "STATUS_MAX_CHANNELS is reached; at most one line a second.")              \
  X(client_refused, WARN, "listener", "client refused",                        \
    "A limit of connections is reached, memory is out, or the broker drains; " \
    "at most one line a second.")                                              \
  X(request_refused, INFO, "listener", "request refused",                      \
    "A request was wrong or not allowed; `reason` names the row of "           \
    "docs/metrics.md. At most one line a second.")                             \
  X(channel_left, DEBUG, "supervisor", "channel left",                         \
    "The last viewer was gone for STATUS_CHANNEL_LINGER.")                     \
  X(actor_restarted, WARN, "supervisor", "actor restarted",                    \
    "A child ended abnormally; it is started again after `backoff`.")          \
  X(actor_failed, ERROR, "supervisor", "actor failed",                         \
    "A bug: an exception reached the actor, which ends; see actor restarted.")  \
  X(supervisor_died, ERROR, "service", "supervisor died",                      \
    "A bug: the process ends with exit code 70, to be started anew.")          \
  X(unexpected_message, WARN, "supervisor", "unexpected message",              \
    "A bug: an actor got a message that it does not know and dropped it.")     \
  X(restart_intensity, ERROR, "supervisor", "restart intensity exceeded",      \
    "A child dies faster than the policy allows; restarts go on at the "       \
    "longest backoff.")
// clang-format on

enum class log_event : std::uint8_t {
#define X(event, level, component, msg, when) event,
  STATUS2_LOG_EVENTS(X)
#undef X
};

enum class log_level : std::uint8_t { DEBUG, INFO, WARN, ERROR };

/// One key and value of a line. Strings are escaped; numbers are not quoted.
struct log_field {
  log_field(std::string_view k, std::string_view v) : key(k), text(v) {}
  log_field(std::string_view k, const char* v) : key(k), text(v) {}
  log_field(std::string_view k, const std::string& v) : key(k), text(v) {}
  log_field(std::string_view k, std::int64_t v)
      : key(k), number(v), numeric(true) {}
  std::string_view key;
  std::string_view text;
  std::int64_t number = 0;
  bool numeric = false;
};

/// Logs one line to the process's logger, spdlog's default one. Empty text
/// fields are left out. Thread: any. Blocks: never (the logger drops the
/// oldest lines and counts them). No field may hold a secret. Errors:
/// without memory the line is lost.
void log(log_event event, std::initializer_list<log_field> fields = {});

/// The payload of such a line: JSON text from `"msg"` on, without braces.
std::string log_text(log_event event,
                     std::initializer_list<log_field> fields = {});

/// A Redis channel's name as lines carry it: `run_id`, then `channel`.
std::pair<std::string_view, std::string_view> halves(std::string_view name);

/// `time` as people read it in a log: whole milliseconds, such as `1500ms`.
std::string milliseconds_text(std::chrono::nanoseconds time);

}  // namespace status2::actors
