#include "service/dial_awaitable.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace status2::service {

namespace {

namespace asio = boost::asio;
/// A handler of Asio moves, a callback of the dialer is copied.
template <class Handler>
redis::dial_events events_for(asio::io_context& loop, Handler handler) {
  const auto shared = std::make_shared<Handler>(std::move(handler));
  redis::dial_events events;
  events.connected = [shared](redis::dialed_socket socket, const auto&) {
    std::move (*shared)(nullptr, std::move(socket));
  };
  events.failed = [&loop, shared](const std::string& error) {
    std::move (*shared)(std::make_exception_ptr(std::runtime_error(error)),
                        redis::dialed_socket(loop));
  };
  return events;
}

}  // namespace

asio::awaitable<redis::dialed_socket> connect_to(
    asio::io_context& loop, const redis::endpoint& where,
    std::chrono::nanoseconds timeout) {
  using signature = void(std::exception_ptr, redis::dialed_socket);
  return asio::async_initiate<const asio::use_awaitable_t<>, signature>(
      [&loop, where, timeout](auto handler) {
        redis::dial(loop, {where}, {.timeout = timeout},
                    events_for(loop, std::move(handler)));
      },
      asio::use_awaitable);
}

}  // namespace status2::service
