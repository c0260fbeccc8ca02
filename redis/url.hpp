/// Where Redis is and who asks: `redis://`, `rediss://` (TLS) and `unix://`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace status2::redis {

struct redis_url {
  std::string host;
  std::uint16_t port = 6379;
  std::string unix_path;  ///< not empty: a Unix socket, no host
  bool tls = false;
  std::string user;  ///< of an ACL; empty: the default user
  std::string password;
  std::uint32_t database = 0;
};

/// What parse_url() accepts, for error messages.
inline constexpr std::string_view accepted_urls =
    "redis://[user[:password]@]host[:port][/db], the same with rediss:// for "
    "TLS, or unix:///path?db=2";

/// Reads a URL; each part may be percent-encoded, an IPv6 host stands in
/// brackets. A user without a colon is a user; `:secret@` is a password alone.
/// Errors: nothing, where `text` is none of accepted_urls.
std::optional<redis_url> parse_url(std::string_view text);

/// `url` as it may be shown: address and database, no user, no password.
std::string redacted(const redis_url& url);

}  // namespace status2::redis
