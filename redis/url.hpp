/// Where Redis is and who asks, read from one URL. accepted_urls lists the
/// forms.
#pragma once

#include "redis/endpoint.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

/// How the addresses of a URL lead to a Redis that serves.
enum class topology : std::uint8_t {
  standalone,  ///< each address is a Redis; they are tried in turn
  sentinel,    ///< each address is a sentinel that knows where the master is
  cluster,     ///< each address is a node of one cluster
};

struct redis_url {
  topology kind = topology::standalone;
  std::vector<endpoint> endpoints;  ///< never empty after parse_url()
  bool tls = false;
  std::string user;  ///< of an ACL; empty: the default user
  std::string password;
  std::uint32_t database = 0;  ///< 0 with a cluster
  std::string master_name;     ///< Sentinel only, never empty there
  /// Login at the sentinels, which no URL holds: the configuration sets both.
  std::string sentinel_user;
  std::string sentinel_password;
  /// Names of query options that mean nothing to the broker; no values.
  std::vector<std::string> unknown_options;
};

/// Either a URL or the reason why there is none.
struct url_result {
  std::optional<redis_url> value;
  /// One line that names the part of the URL that is wrong. It holds no text
  /// of the URL, which may be a secret.
  std::string problem;

  explicit operator bool() const { return value.has_value(); }
  redis_url& operator*() { return *value; }
  redis_url* operator->() { return &*value; }
};

/// Forms that parse_url() accepts, for error messages.
inline constexpr std::string_view accepted_urls =
    "redis://[user[:password]@]host[:port][,host[:port]...][/db], "
    "redis-sentinel://[...@]sentinel[:port][,...]/master[/db], "
    "redis-cluster://[...@]node[:port][,...], the same with rediss:// (or "
    "rediss-...://) for TLS, or unix:///path?db=2";

/// Reads a URL. Each part may be percent-encoded. An IPv6 host stands in
/// brackets, an empty host means localhost. A user without a colon is a user;
/// `:secret@` is a password alone. `valkey` may stand for `redis`, in any case
/// of letters. The database may also be given as `?db=2`.
/// Errors: url_result::problem.
url_result parse_url(std::string_view text);

/// `url` as it may be shown: topology, addresses, master name and database, no
/// user, no password, no options.
std::string redacted(const redis_url& url);

/// `text`, a URL that parse_url() accepts, with `***` for the password and for
/// the values of unknown options. The user stays.
/// Errors: of any other text only the scheme stays.
std::string without_secrets(std::string_view text);

}  // namespace status2::redis
