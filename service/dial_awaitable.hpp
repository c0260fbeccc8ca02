/// redis/dialer.hpp for the coroutines of the commands: every address of a name
/// is raced, so that one which drops packets keeps nobody from the next.
#pragma once

#include "redis/dialer.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>

namespace status2::service {

/// Connects to a host and port, or to a Unix socket. `timeout` is the longest
/// time for the lookup, and for each attempt at an address. Errors: throws
/// std::runtime_error with the reason.
boost::asio::awaitable<redis::dialed_socket> connect_to(
    boost::asio::io_context& loop, const redis::endpoint& where,
    std::chrono::nanoseconds timeout);

}  // namespace status2::service
