/// What the operator may set, typed and checked. One table
/// (configuration_keys.cpp) holds a row a key; the parser, the flags, the help,
/// the documents and the struct's values come from it.
#pragma once

#include "actors/log.hpp"
#include "redis/url.hpp"
#include "transport/frame_sender.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace status2::service {

/// Values after defaults and fallbacks. Limits: durations and sizes are within
/// the bounds of their rows.
struct configuration {
  std::string listen_addr;     ///< `host:port`; an empty host is every address
  std::string path_prefix;     ///< empty, or `/…` without a slash at the end
  std::size_t io_threads = 0;  ///< never 0 after load(): the cores, at most 8
  transport::io_backend io_backend = transport::io_backend::automatic;
  std::chrono::nanoseconds fanout_interval{};  ///< 0: off
  std::size_t max_connections = 0;
  std::size_t max_connections_per_ip = 0;    ///< 0: any number
  std::vector<std::string> trusted_proxies;  ///< networks
  std::size_t accept_rate = 0;               ///< a second; 0: any
  std::chrono::nanoseconds handshake_timeout{};
  std::size_t max_header_size = 0;  ///< bytes

  std::string redis_url;   ///< after the fallbacks
  redis::redis_url redis;  ///< the same, read, with the password that it lacks
  std::chrono::nanoseconds redis_request_timeout{};
  std::chrono::nanoseconds redis_retry_base{};  ///< at most redis_retry_max
  std::chrono::nanoseconds redis_retry_max{};
  std::size_t redis_max_retries = 0;  ///< 0: an outage is never surfaced

  std::chrono::nanoseconds ping_interval{};
  std::chrono::nanoseconds pong_timeout{};
  std::chrono::nanoseconds write_timeout{};
  std::size_t max_message_size = 0;  ///< bytes
  std::size_t outbox_bytes = 0;
  /// Never 0 after load(): a quarter of the memory limit.
  std::size_t outbox_total_bytes = 0;
  std::size_t client_message_rate = 0;  ///< a second; 0: any
  std::size_t client_message_burst = 0;
  std::size_t max_channels = 0;
  std::chrono::nanoseconds drain_window{};
  std::chrono::nanoseconds channel_linger{};
  std::vector<std::string> allowed_origins;  ///< empty: any
  bool hangup = false;

  bool metrics_enabled = false;
  std::chrono::nanoseconds canary_interval{};  ///< 0: no canary
  std::string chaos_token_file;
  std::string chaos_token;  ///< empty: the chaos door is shut
  actors::log_level log_level = actors::log_level::INFO;

  // What the Redis address and password fall back to; load() has used them.
  std::string redis_password_file;
  std::string fallback_redis_url;
  std::string fallback_redis_host;
  std::size_t fallback_redis_port = 0;
  std::string fallback_redis_password_file;
};

/// Texts by variable name, of the environment or of flags.
using variables = std::map<std::string, std::string, std::less<>>;

/// Either values, or one line that names the variable, its text (never a
/// secret) and what is accepted.
struct load_result {
  configuration values;
  /// Where each text came from, by variable: `default`, `environment`, `--x`
  /// or the variable fallen back to. Secrets are not in it.
  struct origin {
    std::string text;
    std::string source;
  };
  std::map<std::string, origin, std::less<>> origins;
  std::string error;  ///< empty: all is well
};

/// Reads every key: a flag before the environment before the default; empty
/// text means default. Blocks: reads the password file, if one is named.
/// Errors: load_result::error; the caller exits with 2.
load_result load_configuration(const variables& environment,
                               const variables& flags);

/// The process's environment, cut to the keys of the table.
variables read_environment();

}  // namespace status2::service
