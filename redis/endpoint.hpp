/// One place where a Redis, or a sentinel, may be reached.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace status2::redis {

/// A host name or address with a port, or the path of a Unix socket.
struct endpoint {
  std::string host;  ///< without brackets
  std::uint16_t port = 6379;
  std::string unix_path{};  ///< not empty: a Unix socket, no host

  auto operator<=>(const endpoint&) const = default;
};

/// `host:port`, `[v6]:port` or the path.
inline std::string to_text(const endpoint& where) {
  if (!where.unix_path.empty()) return where.unix_path;
  const bool v6 = where.host.find(':') != std::string::npos;
  return (v6 ? "[" + where.host + "]" : where.host) + ":" +
         std::to_string(where.port);
}

}  // namespace status2::redis
