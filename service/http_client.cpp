#include "service/http_client.hpp"

#include "service/dial_awaitable.hpp"
#include "transport/listen_address.hpp"
#include "transport/proxy_header.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

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
  request.set(http::field::host, question.host.empty() ? host : question.host);
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

asio::awaitable<void> exchange(asio::io_context& context, redis::endpoint where,
                               const http_question& question,
                               std::chrono::seconds time_limit,
                               http_answer& answer) {
  try {
    // g++ 12 destroys a temporary of a co_await expression twice.
    auto socket = co_await connect_to(context, where, time_limit);
    const auto request =
        request_of(question, where.unix_path.empty() ? redis::to_text(where)
                                                     : "localhost");
    if (question.proxy_header) {
      const auto header = transport::local_proxy_header();
      co_await asio::async_write(socket,
                                 asio::buffer(header.data(), header.size()),
                                 asio::use_awaitable);
    }
    co_await http::async_write(socket, request, asio::use_awaitable);
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> response;
    // A supervision tree is as long as there are clients.
    response.body_limit(std::numeric_limits<std::uint64_t>::max());
    co_await http::async_read(socket, buffer, response, asio::use_awaitable);
    answer = {response.get().result_int(), response.get().body(), {}};
  } catch (const boost::system::system_error& problem) {
    answer.error = problem.code().message();
  } catch (const std::runtime_error& problem) {
    answer.error = problem.what();
  }
}

}  // namespace

http_answer ask(const std::string& address, const http_question& question,
                std::chrono::seconds time_limit) {
  http_answer answer;
  const auto parsed = transport::parse_listen_address(address);
  if (!parsed) {
    answer.error = "no address";
    return answer;
  }
  answer.error = "no answer within " + std::to_string(time_limit.count()) + "s";
  auto where = transport::reachable_at(*parsed);
  asio::io_context context(1);
  asio::co_spawn(
      context,
      exchange(context,
               {std::move(where.host), where.port, std::move(where.unix_path)},
               question, time_limit, answer),
      asio::detached);
  context.run_for(time_limit);
  return answer;
}

}  // namespace status2::service
