#include "service/configuration_keys.hpp"

#include "service/duration.hpp"

#include <array>
#include <chrono>
#include <stdexcept>

namespace status2::service {

namespace {

using c = configuration;
using enum key_kind;
using enum reload;

// The longest duration is a year: what is meant as "never".
constexpr std::string_view year = "8760h";

// clang-format off
constexpr std::array table{
    key{"STATUS_CONFIG_FILE", file, restart, "", "", "",
        "File with lines `KEY=value` of these variables, below the environment "
        "and the flags. Read again on SIGHUP, as are the files that other keys "
        "name.",
        &c::config_file},
    key{"STATUS_LISTEN_ADDR", addresses, restart, ":9002", "", "",
        "Addresses to listen on; of a name each address, without a host all of "
        "the machine. A Unix socket (`unix:/path`) has the mode 0660; the file "
        "of a process that is gone is replaced. All share the limits.",
        &c::listen_addr},
    key{"STATUS_ADMIN_ADDR", addresses, restart, "", "", "",
        "Addresses, as of STATUS_LISTEN_ADDR, of a second port for `/ready`, "
        "`/metrics` and `/chaos/`, which STATUS_LISTEN_ADDR then no longer "
        "serves; `/health` is on both. Empty: one port for all.",
        &c::admin_addr},
    key{"STATUS_TLS_CERT_FILE", file, live, "", "", "",
        "Certificate (PEM) with its chain, of RSA, ECDSA or Ed25519: the TCP "
        "addresses of STATUS_LISTEN_ADDR speak TLS 1.2 and 1.3, and answer "
        "plain HTTP with 400. Unix sockets and STATUS_ADMIN_ADDR stay plain. "
        "Empty: no TLS.",
        &c::tls_cert_file},
    key{"STATUS_TLS_KEY_FILE", file, live, "", "", "",
        "Key (PEM, without a passphrase) of STATUS_TLS_CERT_FILE; one of the "
        "two alone is an error.",
        &c::tls_key_file},
    key{"STATUS_TLS_CLIENT_CA_FILE", file, live, "", "", "",
        "Certificates (PEM) of the authorities that may vouch for clients: who "
        "shows no certificate of theirs gets no connection. Empty: clients "
        "need none. An error without STATUS_TLS_CERT_FILE.",
        &c::tls_client_ca_file},
    key{"STATUS_PATH_PREFIX", prefix, live, "", "", "",
        "Path before `/<run>:<channel>`, for a proxy that does not strip it.",
        &c::path_prefix},
    key{"STATUS_REDIS_URL", redis_url, live, "redis://localhost:6379/2", "", "",
        "Redis to subscribe at: one Redis or several that are tried in turn, "
        "Sentinel or a cluster. `rediss` is TLS, which checks the certificate "
        "and its name. An empty host is localhost, `valkey` may stand for "
        "`redis`, and a query option that is not known has no effect and is "
        "named in a warning at start.",
        &c::redis_url},
    key{"STATUS_REDIS_PASSWORD_FILE", file, live, "", "", "",
        "File that holds the Redis password, used if the URL has none.",
        &c::redis_password_file},
    key{"STATUS_REDIS_SENTINEL_USER", text, live, "", "", "",
        "User at the sentinels, if they have an ACL; the user in the URL is "
        "for Redis. Without effect unless the URL names sentinels.",
        &c::redis_sentinel_user},
    key{"STATUS_REDIS_SENTINEL_PASSWORD_FILE", file, live, "", "", "",
        "File that holds the password of the sentinels; the password in the "
        "URL is for Redis. Without effect unless the URL names sentinels.",
        &c::redis_sentinel_password_file},
    key{"STATUS_REDIS_SHARDED", flag, restart, "false", "", "",
        "Subscribe with SSUBSCRIBE, for producers that use SPUBLISH. An error "
        "unless the URL names a cluster.",
        &c::redis_sharded},
    key{"STATUS_REDIS_CA_FILE", file, live, "", "", "",
        "Certificates (PEM) of the authorities that may vouch for Redis; "
        "empty: those of the system. Without effect unless the URL asks for "
        "TLS.",
        &c::redis_ca_file},
    key{"STATUS_REDIS_CERT_FILE", file, live, "", "", "",
        "Certificate (PEM) that the broker shows to Redis, with "
        "STATUS_REDIS_KEY_FILE. Without effect unless the URL asks for TLS.",
        &c::redis_cert_file},
    key{"STATUS_REDIS_KEY_FILE", file, live, "", "", "",
        "Key (PEM) of STATUS_REDIS_CERT_FILE; one of the two alone is an "
        "error. Without effect unless the URL asks for TLS.",
        &c::redis_key_file},
    key{"STATUS_PING_INTERVAL", duration, live, "5s", "1ms", year,
        "Time between two heartbeats to a client.",
        &c::ping_interval},
    key{"STATUS_PONG_TIMEOUT", duration, live, "75s", "1ms", year,
        "A client that sends no frame for this long after a ping is closed "
        "(1008); below 60s a warning is logged at start.",
        &c::pong_timeout},
    key{"STATUS_WRITE_TIMEOUT", duration, live, "2s", "1ms", year,
        "A client whose socket takes no byte for this long, while bytes wait "
        "for it, is closed (1008). A client that takes them steadily is not, "
        "however long one message takes.",
        &c::write_timeout},
    key{"STATUS_MAX_MESSAGE_SIZE", size, live, "64KB", "1", "1024MB",
        "Largest message of a client; a larger one closes (1009).",
        &c::max_message_size},
    key{"STATUS_MESSAGE_TIMEOUT", duration, live, "30s", "1ms", year,
        "How long a message of a client may take from its first byte to its "
        "last; then the client is closed (1008).",
        &c::message_timeout},
    key{"STATUS_MAX_PAYLOAD", size, restart, "16MB", "1KB", "512MB",
        "Largest payload of a message from Redis. A larger one is dropped while "
        "it is read, counted, and told to clients that asked for gaps.",
        &c::max_payload},
    key{"STATUS_REDIS_REQUEST_TIMEOUT", duration, restart, "1s", "1ms", year,
        "Connect, AUTH, SELECT, SUBSCRIBE and the liveness PING must be "
        "answered within it.",
        &c::redis_request_timeout},
    key{"STATUS_REDIS_RETRY_BASE", duration, restart, "1s", "1ms", year,
        "Shortest wait after an attempt that costs Redis something (a refused "
        "login or subscription). Each wait is drawn at random between it and a "
        "ceiling that doubles with every failure. A Redis that refuses the "
        "connection, or is not there, is tried every 50 ms.",
        &c::redis_retry_base},
    key{"STATUS_REDIS_RETRY_MAX", duration, restart, "30s", "1ms", year,
        "Highest ceiling of the wait after an attempt that costs Redis "
        "something.",
        &c::redis_retry_max},
    key{"STATUS_REDIS_MAX_RETRIES", count, restart, "5", "0", "1000000000",
        "Failures in a row, counted at the pace of the backoff, before the "
        "outage is surfaced (log, `/ready`, `status2_redis_up`); attempts go "
        "on. 0: never, and the alert Status2RedisDown is silent once the link "
        "was up.",
        &c::redis_max_retries},
    key{"STATUS_ALLOWED_ORIGINS", origins, live, "", "", "",
        "Origins that pages may come from, besides the host that the request "
        "names; `null` allows pages without an origin. Empty: any, with a "
        "warning at start.",
        &c::allowed_origins},
    key{"STATUS_HOSTS", hosts, live, "", "", "",
        "Host names and addresses that the broker answers for, without ports; "
        "a request for another Host is answered 421, unless one of "
        "STATUS_TRUSTED_PROXIES says that the client asked for one of them. It "
        "keeps a page away that had its own name lead here (DNS rebinding). "
        "Empty: any.",
        &c::hosts},
    key{"STATUS_ALLOWED_CHANNELS", channels, live, "", "", "",
        "Channels that clients may watch; another one is answered 403. Empty: "
        "any.",
        &c::allowed_channels},
    key{"STATUS_JWT_KEY_FILE", file, live, "", "", "",
        "File with the keys that tokens of clients are signed with: public "
        "keys in PEM, a JWK or a JWK set, for HS256, RS256, ES256 or EdDSA. "
        "Each client then needs a token (JWT) whose claim `status2` lists its "
        "channel. Empty: no client needs a token.",
        &c::jwt_key_file},
    key{"STATUS_JWT_ISSUER", text, live, "", "", "",
        "The claim `iss` that a token must have. Empty: any.",
        &c::jwt_issuer},
    key{"STATUS_JWT_AUDIENCE", text, live, "", "", "",
        "What the claim `aud` of a token must name. Empty: anything.",
        &c::jwt_audience},
    key{"STATUS_JWT_COOKIE", text, restart, "", "", "",
        "Name of a cookie that may carry the token. Browsers send cookies for "
        "every page, so STATUS_ALLOWED_ORIGINS must be set too. Empty: no "
        "cookie counts.",
        &c::jwt_cookie},
    key{"STATUS_SUBPROTOCOLS", tokens, live, "", "", "",
        "Names that are answered to a client that offers them in "
        "Sec-WebSocket-Protocol, besides `status2.v1`.",
        &c::subprotocols},
    key{"STATUS_COMPRESSION", flag, live, "false", "", "",
        "Compress messages to WebSocket clients that offer permessage-deflate, "
        "as browsers do: those above 256 bytes, each once for all of them. For "
        "networks that are slow or paid by the byte.",
        &c::compression},
    key{"STATUS_HANGUP", flag, live, "false", "", "",
        "Send `{\"type\":\"hangup\"}` before the server closes a client; "
        "known browser clients then stay away for good.",
        &c::hangup},
    key{"STATUS_METRICS_ENABLED", flag, live, "false", "", "",
        "Serve `/metrics`.",
        &c::metrics_enabled},
    key{"STATUS_LOG_LEVEL", level, live, "info", "", "",
        "Least level that is logged.",
        &c::log_level},
    key{"STATUS_CHANNEL_LINGER", duration, live, "5s", "0s", year,
        "How long a channel stays subscribed after its last viewer.",
        &c::channel_linger},
    key{"STATUS_TAIL_MESSAGES", count, live, "256", "0", "1000000",
        "Messages of a channel that are kept for clients which ask for them "
        "with `?tail=` or `?since=`. 0: none.",
        &c::tail_messages},
    key{"STATUS_TAIL_AGE", duration, live, "10m", "1s", year,
        "How long a message is kept.",
        &c::tail_age},
    key{"STATUS_TAIL_TOTAL_BYTES", size, live, "64MB", "0", "1048576MB",
        "Memory of the messages that are kept for all channels; over it the "
        "oldest go, first those of the channel that was watched least "
        "recently.",
        &c::tail_total_bytes},
    key{"STATUS_TAIL_LINGER", duration, live, "2m", "0s", year,
        "How long a channel stays subscribed after its last viewer, if "
        "messages are kept and STATUS_CHANNEL_LINGER is shorter: a client that "
        "comes back within it misses nothing.",
        &c::tail_linger},
    key{"STATUS_LATCH_PATTERNS", payloads, live, "", "", "",
        "Last words: the newest message of a channel that one of these "
        "patterns matches comes first in a replay (`?tail=`, `?since=`), also "
        "after the channel was left. `*` stands for any text. A pattern is "
        "compared with the first 256 bytes of a message, and a longer message "
        "needs one that ends with `*`. Empty: off.",
        &c::latch_patterns},
    key{"STATUS_LATCH_TTL", duration, live, "6h", "1s", year,
        "How long the last word of a channel is kept.",
        &c::latch_ttl},
    key{"STATUS_LATCH_CHANNELS", count, live, "20000", "1", "10000000",
        "Channels whose last word is kept; for one more the oldest goes.",
        &c::latch_channels},
    key{"STATUS_LATCH_TOTAL_BYTES", size, live, "8MB", "64KB", "1048576MB",
        "Memory of the last words of all channels; over it the oldest go. A "
        "message above a 16th of it is not kept.",
        &c::latch_total_bytes},
    key{"STATUS_IO_THREADS", count, restart, "0", "0", "64",
        "Threads that serve sockets; 0: one a core, at most 8.",
        &c::io_threads},
    key{"STATUS_IO_BACKEND", backend, restart, "auto", "", "",
        "How frames are sent: `io_uring` takes a whole fan-out in one system "
        "call, `aio` (native AIO) in two, `sendto` needs one per client. A "
        "backend that kernel or container does not allow falls back to the "
        "next of these, with the reason in the log; auto: the first that they "
        "allow. `epoll` is an older name of `aio`.",
        &c::io_backend},
    key{"STATUS_FANOUT_INTERVAL", duration, restart, "500us", "0s", "1s",
        "Redis is read at most once in this time, so that messages close "
        "together are sent together. A busy thread reads half as often, and "
        "in a channel of 512 viewers or more that keeps its thread busy a "
        "message waits up to 100ms for the next one. The first message after "
        "a quiet time goes out at once. 0s: off.",
        &c::fanout_interval},
    key{"STATUS_MAX_CONNECTIONS", count, live, "10000", "1", "1000000",
        "Clients at once; one more is answered 503. Lowered at start to what "
        "the limit of open descriptors leaves.",
        &c::max_connections},
    key{"STATUS_MAX_CONNECTIONS_PER_IP", count, live, "0", "0", "1000000",
        "Clients at once from one address, or one network /64 of IPv6; one "
        "more is answered 503. 0: any number.",
        &c::max_connections_per_ip},
    key{"STATUS_TRUSTED_PROXIES", proxies, live, "", "", "",
        "Peers whose X-Forwarded-For, Forwarded and X-Forwarded-Host are "
        "believed; empty: nobody's. Forwarded is read if there is no "
        "X-Forwarded-For. `unix:` stands for every peer at a Unix socket. "
        "Names are looked up every 10s, and every 1s while one is not found; "
        "such a name trusts nobody.",
        &c::trusted_proxies},
    key{"STATUS_PROXY_PROTOCOL", flag, restart, "false", "", "",
        "Every connection to STATUS_LISTEN_ADDR must come from one of "
        "STATUS_TRUSTED_PROXIES and begin with a PROXY header, version 1 or 2, "
        "that names the client.",
        &c::proxy_protocol},
    key{"STATUS_ACCEPT_RATE", count, live, "2000", "0", "1000000",
        "WebSockets opened a second; what comes faster waits in its order, at "
        "most STATUS_HANDSHAKE_TIMEOUT. 0: any number.",
        &c::accept_rate},
    key{"STATUS_MAX_CHANNELS", count, live, "20000", "1", "10000000",
        "Channels at once. For one more the broker leaves the channel that has "
        "been without viewers for longest; if each has viewers, the client is "
        "answered 503.",
        &c::max_channels},
    key{"STATUS_HANDSHAKE_TIMEOUT", duration, live, "10s", "1ms", year,
        "A connection must have sent its whole request, and been let in by "
        "STATUS_ACCEPT_RATE, within it; else it is closed without an answer.",
        &c::handshake_timeout},
    key{"STATUS_KEEPALIVE_TIMEOUT", duration, live, "75s", "1ms", year,
        "How long an HTTP connection may wait for its next request.",
        &c::keepalive_timeout},
    key{"STATUS_MAX_HEADER_SIZE", size, live, "8KB", "512", "1MB",
        "Largest request header; a larger one is answered 431.",
        &c::max_header_size},
    key{"STATUS_OUTBOX_BYTES", size, live, "1MB", "1KB", "1024MB",
        "Bytes that may wait unsent for one client, behind the message that is "
        "being sent; then it is closed (1008).",
        &c::outbox_bytes},
    key{"STATUS_OUTBOX_TOTAL_BYTES", size, live, "0", "0", "1048576MB",
        "Memory of the frames that may wait unsent for all clients, each "
        "counted once for all who wait for it, and of the kernel's buffers of "
        "these clients; over it the largest outboxes are closed (1008). 0: a quarter of the container's memory limit, or "
        "of the machine's memory.",
        &c::outbox_total_bytes},
    key{"STATUS_INBOUND_TOTAL_BYTES", size, live, "0", "0", "1048576MB",
        "Memory that all clients together may make the broker keep: parts of "
        "requests and messages, and answers that are not read; over it the "
        "connections that keep most are closed. 0: a sixteenth of the memory "
        "limit, at least 4 MB and at most 32 MB.",
        &c::inbound_total_bytes},
    key{"STATUS_CLIENT_MESSAGE_RATE", count, live, "50", "0", "1000000",
        "Frames a second that a client may send in the long run, a large "
        "frame counted as several; over it the client is closed (1008). 0: any "
        "number.",
        &c::client_message_rate},
    key{"STATUS_CLIENT_MESSAGE_BURST", count, live, "200", "1", "1000000",
        "Frames that a client may send at once.",
        &c::client_message_burst},
    key{"STATUS_DRAIN_WINDOW", duration, live, "0s", "0s", "1h",
        "Time over which a shutdown spreads its closes; 0s: at once.",
        &c::drain_window},
    key{"STATUS_CANARY_INTERVAL", duration, restart, "10s", "0s", year,
        "Time between two messages that the broker publishes to a channel of "
        "its own; one that does not come back turns `/ready` to 503. 0s: off.",
        &c::canary_interval},
    key{"STATUS_CHAOS_TOKEN_FILE", file, live, "", "", "",
        "File that holds the token of the chaos door; empty: the door is shut.",
        &c::chaos_token_file},
    key{"REDIS_URL", redis_url, live, "", "", "",
        "Used where STATUS_REDIS_URL is empty.",
        &c::fallback_redis_url, true},
    key{"REDIS_HOST", host, live, "localhost", "", "",
        "Used, with database 2, where both URLs are empty.",
        &c::fallback_redis_host, true},
    key{"REDIS_PORT", port, live, "6379", "1", "65535",
        "Port that goes with REDIS_HOST. Of `tcp://host:port`, which "
        "Kubernetes sets beside a service named redis, the port counts, and "
        "the host if REDIS_HOST is empty.",
        &c::fallback_redis_port, true},
    key{"REDIS_PASSWORD_FILE", file, live, "", "", "",
        "Used where STATUS_REDIS_PASSWORD_FILE is empty.",
        &c::fallback_redis_password_file, true},
    key{"REDIS_PASSWORD", secret, live, "", "", "",
        "Password used where neither the URL nor a file holds one.",
        {}, true},
};
// clang-format on

}  // namespace

std::span<const key> keys() {
  return table;
}

const key& key_of(std::string_view variable) {
  for (const auto& row : table) {
    if (row.variable == variable) return row;
  }
  throw std::logic_error("no such key: " + std::string(variable));
}

std::string flag_name(const key& row) {
  if (row.variable == config_file_variable) return "--config";
  std::string name = "--";
  constexpr std::string_view start = "STATUS_";
  for (const char letter : row.variable.substr(start.size())) {
    const bool capital = letter >= 'A' && letter <= 'Z';
    name += letter == '_' ? '-'
            : capital     ? static_cast<char>(letter + 32)
                          : letter;
  }
  return name;
}

std::string_view name_of(reload what) {
  return what == live ? "live" : "restart";
}

std::string accepted(const key& row) {
  const std::string range =
      " from " + std::string(row.least) + " to " + std::string(row.most);
  switch (row.kind) {
    case addresses:
      return "host:port, :port or unix:/path, separated by commas, such as "
             "127.0.0.1:9002";
    case prefix:
      return "empty or a path that starts with /, such as /status";
    case redis_url:
      return std::string(redis::accepted_urls);
    case file:
      return "the path of a readable file";
    case host:
      return "a host name or an address";
    case port:
      return "a whole number" + range + ", or tcp://host:port";
    case origins:
      return "origins such as https://example.com, *.example.com or null, "
             "separated by commas, without paths and quotes";
    case hosts:
      return "host names such as example.com or *.example.com, separated by "
             "commas, without ports";
    case channels:
      return "channels such as run:log or *:log, separated by commas";
    case payloads:
      return "patterns such as COMPLETED*, separated by commas, of at most 256 "
             "bytes each";
    case tokens:
      return "names without spaces, separated by commas";
    case proxies:
      return "addresses, networks such as 10.0.0.0/8, host names and unix:, "
             "separated by commas";
    case duration:
      return "a duration" + range +
             (*parse_duration(row.most) < std::chrono::seconds{90}
                  ? ", such as 500us or 150ms"
                  : ", such as 150ms or 1m30s");
    case size:
      return "a size" + range + ", in bytes, KB or MB";
    case count:
      return "a whole number" + range;
    case flag:
      return "true or false";
    case level:
      return "debug, info, warn or error";
    case backend:
      return "auto, io_uring, aio or sendto";
    case text:
    case secret:
      return "any text";
  }
  return {};
}

bool holds_secret(const key& row) {
  return row.kind == secret || row.kind == redis_url;
}

}  // namespace status2::service
