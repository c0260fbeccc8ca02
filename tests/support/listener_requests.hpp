/// Requests to a listener as the bytes that a client sends, and how it ends.
#pragma once

#include "tests/support/tcp_client.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace status2::support {

/// A request for an upgrade, with its blank line.
inline std::string upgrade(std::string_view target,
                           std::string_view headers = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(upgrade_headers) + std::string(headers) + "\r\n";
}

/// The answer to `text`, sent as it is on a connection of its own.
inline http_response answer_to(const transport_server& server,
                               std::string_view text) {
  tcp_client connection(server.port());
  connection.send(text);
  return read_response(connection);
}

/// The answer to a request on a connection of its own.
inline http_response asked(const transport_server& server,
                           std::string_view method, std::string_view path,
                           std::string_view headers = {}) {
  return request(server.port(), method, path, headers);
}

/// Reads until the server ends the connection. Blocks: at most `patience` for
/// each piece.
inline bool ended(tcp_client& connection) {
  while (connection.receive(std::chrono::steady_clock::now() + patience)) {
  }
  return connection.closed();
}

}  // namespace status2::support
