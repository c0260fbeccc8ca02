#include "service/http_client.hpp"

#include "service/listen_address.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <cstdint>
#include <limits>

namespace status2::service {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

http::request<http::string_body> request_of(const http_question& question,
                                            const std::string& host) {
  http::request<http::string_body> request;
  request.method_string(question.method);
  request.target(question.target);
  request.version(11);
  request.set(http::field::host, host);
  request.set(http::field::connection, "close");
  if (!question.token.empty())
    request.set(http::field::authorization, "Bearer " + question.token);
  if (!question.body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = question.body;
    request.prepare_payload();
  }
  return request;
}

asio::awaitable<void> exchange(asio::io_context& context,
                               listen_address address,
                               const http_question& question,
                               http_answer& answer) {
  try {
    asio::ip::tcp::resolver resolver(context);
    const auto endpoints = co_await resolver.async_resolve(
        address.host, std::to_string(address.port), asio::use_awaitable);
    asio::ip::tcp::socket socket(context);
    co_await asio::async_connect(socket, endpoints, asio::use_awaitable);
    const auto request = request_of(question, address.host);
    co_await http::async_write(socket, request, asio::use_awaitable);
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> response;
    // A supervision tree is as long as there are clients.
    response.body_limit(std::numeric_limits<std::uint64_t>::max());
    co_await http::async_read(socket, buffer, response, asio::use_awaitable);
    answer = {response.get().result_int(), response.get().body(), {}};
  } catch (const boost::system::system_error& problem) {
    answer.error = problem.code().message();
  }
}

}  // namespace

http_answer ask(const std::string& listen_addr, const http_question& question,
                std::chrono::seconds time_limit) {
  http_answer answer;
  const auto address = parse_listen_address(listen_addr);
  if (!address) {
    answer.error = "no address";
    return answer;
  }
  answer.error = "no answer within " + std::to_string(time_limit.count()) + "s";
  asio::io_context context(1);
  asio::co_spawn(context,
                 exchange(context, reachable_at(*address), question, answer),
                 asio::detached);
  context.run_for(time_limit);
  return answer;
}

}  // namespace status2::service
