/// What the operator may set, typed and checked. One table
/// (configuration_keys.cpp) holds a row a key; the parser, the flags, the help,
/// the documents and the struct's values come from it.
#pragma once

#include "actors/log.hpp"
#include "redis/tls_settings.hpp"
#include "redis/url.hpp"
#include "transport/frame_sender.hpp"
#include "transport/tls_context.hpp"
#include "transport/token.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::service {

/// Values after defaults and fallbacks. Limits: durations and sizes are within
/// the bounds of their rows.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): there are a few
struct configuration {
  std::string config_file;               ///< empty: none
  std::vector<std::string> listen_addr;  ///< addresses, at least one
  std::vector<std::string> admin_addr;   ///< likewise; empty: one port for all
  std::string tls_cert_file;             ///< empty: no TLS for clients
  std::string tls_key_file;
  std::string tls_client_ca_file;
  /// What the three files hold, read; null: no TLS for clients.
  std::shared_ptr<const transport::tls_context> tls;
  std::string path_prefix;     ///< empty, or `/…` without a slash at the end
  std::size_t io_threads = 0;  ///< never 0 after load(): the cores, at most 8
  transport::io_backend io_backend = transport::io_backend::automatic;
  std::chrono::nanoseconds fanout_interval{};  ///< 0: off
  std::size_t max_connections = 0;
  std::size_t max_connections_per_ip = 0;    ///< 0: any number
  std::vector<std::string> trusted_proxies;  ///< networks, names and `unix:`
  std::size_t accept_rate = 0;               ///< a second; 0: any
  std::chrono::nanoseconds handshake_timeout{};
  std::chrono::nanoseconds keepalive_timeout{};
  std::size_t max_header_size = 0;  ///< bytes

  std::string redis_url;   ///< after the fallbacks
  redis::redis_url redis;  ///< the same, read, with the logins that it lacks
  redis::tls_settings redis_tls;  ///< empty unless the URL asks for TLS
  bool redis_sharded = false;     ///< only with a cluster
  std::chrono::nanoseconds redis_request_timeout{};
  std::chrono::nanoseconds redis_retry_base{};  ///< at most redis_retry_max
  std::chrono::nanoseconds redis_retry_max{};
  std::size_t max_payload = 0;        ///< bytes
  std::size_t redis_max_retries = 0;  ///< 0: an outage is never surfaced

  std::chrono::nanoseconds ping_interval{};
  std::chrono::nanoseconds pong_timeout{};
  std::chrono::nanoseconds write_timeout{};
  std::size_t max_message_size = 0;  ///< bytes
  std::chrono::nanoseconds message_timeout{};
  /// Never 0 after load(): a share of the memory limit.
  std::size_t inbound_total_bytes = 0;
  std::size_t outbox_bytes = 0;
  /// Never 0 after load(): a quarter of the memory limit.
  std::size_t outbox_total_bytes = 0;
  std::size_t client_message_rate = 0;  ///< a second; 0: any
  std::size_t client_message_burst = 0;
  std::size_t max_channels = 0;
  std::chrono::nanoseconds drain_window{};
  std::chrono::nanoseconds channel_linger{};
  std::size_t tail_messages = 0;  ///< of a channel; 0: no replays
  std::chrono::nanoseconds tail_age{};
  std::size_t tail_total_bytes = 0;
  std::chrono::nanoseconds tail_linger{};
  std::vector<std::string> latch_patterns;  ///< of payloads; empty: off
  std::chrono::nanoseconds latch_ttl{};
  std::size_t latch_channels = 0;
  std::size_t latch_total_bytes = 0;
  std::vector<std::string> allowed_origins;   ///< patterns; empty: any
  std::vector<std::string> hosts;             ///< patterns; empty: any
  std::vector<std::string> allowed_channels;  ///< patterns; empty: any
  std::vector<std::string> subprotocols;      ///< besides status2.v1
  bool compression = false;  ///< of messages, for clients that offer it
  bool hangup = false;
  bool proxy_protocol = false;  ///< at listen_addr

  transport::token_keys jwt_keys;  ///< empty: clients need no token
  std::string jwt_issuer;          ///< empty: any
  std::string jwt_audience;        ///< empty: any
  std::string jwt_cookie;          ///< empty: none carries a token
  std::string jwt_key_file;

  bool metrics_enabled = false;
  std::chrono::nanoseconds canary_interval{};  ///< 0: no canary
  std::string chaos_token_file;
  std::string chaos_token;  ///< empty: the chaos door is shut
  actors::log_level log_level = actors::log_level::INFO;

  /// Settings that have no effect, for a warning: variables by name, options
  /// of the Redis URL by `option x of the Redis URL`, keys that are left out by
  /// `key N of STATUS_JWT_KEY_FILE`.
  std::vector<std::string> ignored;

  // Parts of `redis` and `redis_tls`; load() has used them.
  std::string redis_password_file;
  std::string redis_sentinel_user;
  std::string redis_sentinel_password_file;
  std::string redis_ca_file;
  std::string redis_cert_file;
  std::string redis_key_file;
  std::string fallback_redis_url;
  std::string fallback_redis_host;
  std::string fallback_redis_port;
  std::string fallback_redis_password_file;
};

/// A host that the broker answers for, for the Host header of a client on the
/// same machine; empty: any.
std::string own_host(const configuration& values);

/// What tokens are judged by. For transport::token_authority, also to replace
/// what it has.
transport::token_rules token_rules_of(const configuration& values);

/// Texts by variable name, of the environment or of flags.
using variables = std::map<std::string, std::string, std::less<>>;

/// Either values, or one line that names the variable, its text (never a
/// secret) and what is accepted.
struct load_result {
  configuration values;
  /// Where each text came from, by variable: `default`, `environment`, `--x`,
  /// `path:line` of the file or the variable fallen back to. Secrets are not in
  /// it.
  struct origin {
    std::string text;
    std::string source;
  };
  std::map<std::string, origin, std::less<>> origins;
  /// Of secrets and of the contents of files, by variable, so that a reload
  /// sees a change without a look at either. Not stable across builds.
  std::map<std::string, std::size_t, std::less<>> fingerprints;
  std::string error;  ///< empty: all is well
};

/// Reads every key: a flag before the environment before the file before the
/// default; empty text means that there is none. Blocks: reads the
/// configuration file and the files of secrets, if they are named.
/// Errors: load_result::error; at the start the caller exits with 2.
load_result load_configuration(const variables& environment,
                               const variables& flags);

/// Reads the configuration anew, of the same flags and environment.
/// Thread: any, one at a time. Blocks: as load_configuration().
using configuration_loader = std::function<load_result()>;

/// The process's environment, cut to the keys of the table.
variables read_environment();

}  // namespace status2::service
