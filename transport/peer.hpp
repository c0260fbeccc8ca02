/// The other end of a connection.
#pragma once

#include "transport/admission.hpp"

#include <cstdint>
#include <string>

namespace status2::transport {

struct peer {
  address where = no_address;  ///< no_address: of a Unix socket
  std::uint16_t port = 0;
  std::string unix_path{};  ///< of the listener, for a Unix socket
  /// False: a proxy speaks for a client that it does not name. Whatever the
  /// client says of others is not believed then.
  bool named = true;
};

/// `ip:port`, IPv6 in brackets, IPv4 as such on a socket that takes both;
/// `unix:/path` for a Unix socket.
std::string to_text(const peer& who);

}  // namespace status2::transport
