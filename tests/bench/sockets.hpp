/// Loopback sockets of the benchmark's programs.
#pragma once

#include <cstdint>
#include <string_view>

namespace status2::bench {

/// A non-blocking socket that connects to 127.0.0.1:`port`; writable once it
/// has. Errors: std::system_error.
int connect_loopback(std::uint16_t port);

/// A non-blocking socket that listens on 127.0.0.1:`port`.
/// Errors: std::system_error.
int listen_loopback(std::uint16_t port);

/// Sends all of `bytes` at once. Errors: false if the socket does not take
/// all of it.
bool send_whole(int fd, std::string_view bytes);

/// Lifts the soft limit of open files to the hard one.
void raise_file_limit();

}  // namespace status2::bench
