/// `host:port` as STATUS_LISTEN_ADDR has it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace status2::service {

struct listen_address {
  std::string host;  ///< without brackets; empty: every address
  unsigned short port = 0;
};

/// Reads `host:port`, `:port` or `[v6]:port`.
/// Errors: nothing where the text is none of them.
std::optional<listen_address> parse_listen_address(std::string_view text);

/// Where a client on the same machine reaches it: loopback for an address that
/// means all.
listen_address reachable_at(listen_address address);

}  // namespace status2::service
