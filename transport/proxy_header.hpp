/// The header in which a proxy says whom it speaks for, in front of the first
/// byte of a connection. Pure.
/// Source: HAProxy's doc/proxy-protocol.txt, sections 2.1, 2.2 and 2.2.5.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace status2::transport {

/// The client's end of the proxy's connection.
struct proxied_client {
  bool v6 = false;
  /// In network order; of IPv4 the first four.
  std::array<unsigned char, 16> bytes{};
  std::uint16_t port = 0;
};

struct proxy_header {
  /// The proxy speaks for itself, such as a health check (LOCAL).
  bool local = false;
  /// Nothing: LOCAL, or the proxy does not name its client (UNKNOWN, UNSPEC, a
  /// Unix socket).
  std::optional<proxied_client> client;
};

enum class proxy_header_state : std::uint8_t {
  more,  ///< what is here may begin a header
  done,
  wrong
};

struct proxy_header_result {
  proxy_header_state state = proxy_header_state::wrong;
  std::size_t size = 0;  ///< bytes of the header, if it is done
  proxy_header header{};
};

/// Reads a header of version 1 or 2 at the start of `bytes`, which may end
/// anywhere: called again with more bytes, it begins again, in a time that is
/// bounded by 107 bytes until the header is whole.
/// Errors: `wrong` also for a header of more than `longest` bytes, a length
/// that does not fit the address, broken TLVs, and a wrong CRC32c. TLVs are
/// skipped.
proxy_header_result read_proxy_header(std::string_view bytes,
                                      std::size_t longest);

/// A header of version 2 with the command LOCAL, for clients of our own.
std::string_view local_proxy_header();

}  // namespace status2::transport
