/// One item of STATUS_LISTEN_ADDR. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// A TCP port, or the path of a Unix socket.
struct listen_address {
  std::string host;  ///< without brackets; empty: every address
  std::uint16_t port = 0;
  std::string unix_path{};  ///< not empty: a Unix socket, no host
};

/// Of a Unix socket, in bytes. Source: unix(7), sun_path.
inline constexpr std::size_t longest_unix_path = 107;

/// Reads `host:port`, `:port`, `[v6]:port` or `unix:/path`.
/// Errors: nothing if the text is none of them, or the path is too long.
std::optional<listen_address> parse_listen_address(std::string_view text);

/// The address at which a client on the same machine reaches `address`:
/// loopback for an address that stands for every one.
listen_address reachable_at(listen_address address);

}  // namespace status2::transport
