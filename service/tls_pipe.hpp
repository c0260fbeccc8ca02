/// TLS for the commands that are clients: a socket becomes a pipe into TLS, so
/// that what they do with sockets needs no second version.
#pragma once

#include "redis/dialer.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace status2::service {

/// Shakes hands on `socket` within `timeout`, and replaces it by one end of a
/// pipe whose other end the loop reads and writes through TLS. The server must
/// prove to be `host`; empty: nothing is checked. Errors: throws
/// boost::system::system_error.
boost::asio::awaitable<void> secure(
    boost::asio::io_context& loop, redis::dialed_socket& socket,
    const std::shared_ptr<boost::asio::ssl::context>& context,
    const std::string& host, std::chrono::nanoseconds timeout);

}  // namespace status2::service
