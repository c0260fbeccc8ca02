/// A listening socket whose backlog is full: the kernel drops what a client
/// sends to open a connection, like a host that is gone.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cstdint>
#include <string>

namespace status2::support {

/// Thread: one.
class full_listener {
 public:
  /// Port 0: a free one. Errors: throws if it cannot listen.
  explicit full_listener(const std::string& address, std::uint16_t port = 0);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  /// Takes what waits, so that clients can connect from now on.
  void make_room();

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::array<boost::asio::ip::tcp::socket, 2> fillers_{
      boost::asio::ip::tcp::socket{context_},
      boost::asio::ip::tcp::socket{context_}};
};

}  // namespace status2::support
