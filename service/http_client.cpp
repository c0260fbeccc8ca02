#include "service/http_client.hpp"

#include "service/dial_awaitable.hpp"
#include "service/tls_pipe.hpp"
#include "transport/listen_address.hpp"
#include "transport/proxy_header.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>

namespace status2::service {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

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

/// The certificate is our own: who it is issued to, and whether it is still
/// good, is for the clients to judge.
std::shared_ptr<ssl::context> own_tls(const http_identity& identity) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  if (!identity.certificate.empty()) {
    context->use_certificate_chain_file(identity.certificate);
    context->use_private_key_file(identity.key, ssl::context::pem);
  }
  return context;
}

asio::awaitable<void> exchange(asio::io_context& context, redis::endpoint where,
                               const http_question& question,
                               std::chrono::seconds time_limit,
                               http_answer& answer) {
  try {
    // g++ 12 destroys a temporary of a co_await expression twice.
    auto socket = co_await connect_to(context, where, time_limit);
    const bool is_tcp = where.unix_path.empty();
    const auto request =
        request_of(question, is_tcp ? redis::to_text(where) : "localhost");
    if (question.proxy_header) {
      const auto header = transport::local_proxy_header();
      co_await asio::async_write(socket,
                                 asio::buffer(header.data(), header.size()),
                                 asio::use_awaitable);
    }
    if (question.tls && is_tcp) {
      const auto tls = own_tls(*question.tls);
      const std::string any_host;
      co_await secure(context, socket, tls, any_host, time_limit);
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

http_question question_to_own_port(const configuration& values) {
  http_question question{.host = own_host(values),
                         .proxy_header = values.proxy_protocol};
  if (values.tls)
    question.tls =
        values.tls_client_ca_file.empty()
            ? http_identity{}
            : http_identity{values.tls_cert_file, values.tls_key_file};
  return question;
}

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
