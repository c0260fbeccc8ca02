#include "service/healthcheck.hpp"

#include "service/listen_address.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <chrono>

namespace status2::service {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::chrono::seconds time_limit{3};

/// Sets `error` to what went wrong, or to nothing.
asio::awaitable<void> ask(asio::io_context& context, listen_address address,
                          std::string& error) {
  try {
    asio::ip::tcp::resolver resolver(context);
    const auto endpoints = co_await resolver.async_resolve(
        address.host, std::to_string(address.port), asio::use_awaitable);
    asio::ip::tcp::socket socket(context);
    co_await asio::async_connect(socket, endpoints, asio::use_awaitable);
    http::request<http::empty_body> request(http::verb::get, "/health", 11);
    request.set(http::field::host, address.host);
    request.set(http::field::connection, "close");
    co_await http::async_write(socket, request, asio::use_awaitable);
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    co_await http::async_read(socket, buffer, response, asio::use_awaitable);
    error = response.result() == http::status::ok
                ? ""
                : "/health answered " + std::to_string(response.result_int());
  } catch (const boost::system::system_error& problem) {
    error = problem.code().message();
  }
}

}  // namespace

std::string healthcheck(const std::string& listen_addr) {
  const auto address = parse_listen_address(listen_addr);
  if (!address) return listen_addr + ": no address";
  std::string error = "no answer within 3s";
  asio::io_context context(1);
  asio::co_spawn(context, ask(context, reachable_at(*address), error),
                 asio::detached);
  context.run_for(time_limit);
  return error.empty() ? error : listen_addr + ": " + error;
}

}  // namespace status2::service
