/// The table of configuration keys: a row a key, and what is generated from it.
#pragma once

#include "service/configuration.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace status2::service {

enum class key_kind : std::uint8_t {
  addresses,  ///< host:port or unix:/path, comma-separated
  prefix,     ///< start of a URL path
  redis_url,  ///< may hold a password
  file,       ///< path of a file
  host,       ///< name or address
  port,       ///< number, or tcp://host:port
  text,       ///< any
  origins,    ///< patterns of origins, comma-separated
  hosts,      ///< patterns of host names, comma-separated
  channels,   ///< patterns of channels, comma-separated
  payloads,   ///< patterns of payloads, comma-separated
  tokens,     ///< names as HTTP has them, comma-separated
  proxies,    ///< networks, names and unix:, comma-separated
  duration,
  size,
  count,
  flag,
  level,
  backend,
  secret,
};

/// What SIGHUP does with a changed value. Without a default, so that each row
/// has to say it.
enum class reload : std::uint8_t {
  live,     ///< is used from then on
  restart,  ///< is named in the log; the running value stays until a restart
};

/// Where a key's value goes; nothing for a secret, which has its own way.
using key_member =
    std::variant<std::monostate, std::string configuration::*,
                 std::vector<std::string> configuration::*,
                 std::chrono::nanoseconds configuration::*,
                 std::size_t configuration::*, bool configuration::*,
                 actors::log_level configuration::*,
                 transport::io_backend configuration::*>;

struct key {
  std::string_view variable;
  key_kind kind;
  reload on_reload;
  std::string_view standard;  ///< the default, as text
  std::string_view least;     ///< bounds as text, empty where there is none
  std::string_view most;
  std::string_view sentence;
  key_member member;
  /// Only an environment variable of old, without a flag. Its member is a
  /// string, judged where it is used and only then.
  bool fallback_only = false;
};

/// The key that names the file; also read before all others.
inline constexpr std::string_view config_file_variable = "STATUS_CONFIG_FILE";

/// Every key, in the order of the documents.
std::span<const key> keys();
/// The row of `variable`, which must exist.
const key& key_of(std::string_view variable);

/// `--ping-interval` for STATUS_PING_INTERVAL; `--config` for the file.
std::string flag_name(const key& row);
/// `live` or `restart`.
std::string_view name_of(reload what);
/// What is accepted, in words: `a duration from 1ms to 8760h, such as 1m30s`.
std::string accepted(const key& row);
/// Whether the row's text may hold a secret and is redacted when shown.
bool holds_secret(const key& row);

/// Parses `text` into the row's member. Errors: false, nothing is changed.
bool assign(const key& row, const std::string& text, configuration& values);

/// redis::without_secrets(), and empty for an empty text.
std::string redact_url(std::string_view text);

}  // namespace status2::service
