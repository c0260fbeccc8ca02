#include "transport/http_connection.hpp"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

/// `ip:port`, IPv6 in brackets, IPv4 as such on a socket that takes both.
std::string printed(const boost::asio::ip::tcp::endpoint& remote) {
  auto address = remote.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped,
                                               address.to_v6());
  const auto port = ":" + std::to_string(remote.port());
  if (address.is_v4()) return address.to_string() + port;
  return "[" + address.to_string() + "]" + port;
}

std::string_view path_of(const http_request& request) {
  const auto target = request.target();
  return split_target({target.data(), target.size()}).path;
}

}  // namespace

http_connection::http_connection(std::shared_ptr<http_context> context,
                                 tcp_socket socket, const endpoint& remote)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      remote_(remote) {
  context_->connections.insert(this);
}

http_connection::~http_connection() {
  context_->connections.erase(this);
}

void http_connection::stop() {
  if (!response_) close();
}

void http_connection::read_request() {
  arm(context_->settings.handshake_timeout);
  parser_.emplace();
  parser_->header_limit(
      static_cast<std::uint32_t>(context_->settings.max_header_size));
  parser_->body_limit(boost::none);  // bodies are not read at all
  http::async_read_header(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](const error_code& error, std::size_t) {
        try {
          self->on_request(error);
        } catch (...) {
          self->close();
        }
      });
}

void http_connection::on_request(const error_code& error) {
  if (!socket_.is_open()) return;
  if (!error) {
    answer_request();
  } else if (error == http::error::header_limit ||
             error == http::error::buffer_overflow) {
    refuse(header_too_large(), false);
  } else if (error == http::error::end_of_stream ||
             error == http::error::partial_message ||
             error.category() !=
                 make_error_code(http::error::end_of_stream).category()) {
    close();
  } else {
    refuse(bad_request(), false);
  }
}

void http_connection::answer_request() {
  const auto path =
      admin_path(path_of(parser_->get()), context_->settings.path_prefix);
  if (path.empty())
    answer_channel();
  else
    answer_admin(path);
}

void http_connection::answer_admin(std::string_view path) {
  const auto method = parser_->get().method();
  const bool keep_alive = parser_->keep_alive();
  if (method != http::verb::get && method != http::verb::head) {
    refuse(admin_method_not_allowed(), keep_alive);
    return;
  }
  auto answer = context_->events->on_admin(path);
  if (!answer)
    answer = http_reply{404, "text/plain; charset=utf-8", "not found\n"};
  reply(std::move(*answer), nullptr, keep_alive);
}

void http_connection::answer_channel() {
  const auto& settings = context_->settings;
  auto decision =
      decide(parser_->get(), {settings.path_prefix, settings.allowed_origins});
  if (!decision.refusal &&
      context_->events->open_sessions() >= settings.max_connections)
    decision.refusal = too_many_connections();
  if (decision.refusal)
    refuse(*decision.refusal, parser_->keep_alive());
  else
    hand_on(std::move(decision));
}

void http_connection::hand_on(handshake_decision decision) {
  upgrade_request upgrade;
  upgrade.v6 = remote_.protocol() == boost::asio::ip::tcp::v6();
  upgrade.channel = std::move(decision.channel);
  upgrade.query = decision.query;
  upgrade.remote = printed(remote_);
  upgrade.leftover = boost::beast::buffers_to_string(buffer_.data());
  upgrade.request = parser_->release();
  context_->loop.disarm(*this);
  error_code error;
  upgrade.socket = unique_fd(socket_.release(error));
  if (!error) context_->events->on_upgrade(std::move(upgrade));
}

void http_connection::refuse(const http_refusal& refusal, bool keep_alive) {
  context_->loop.counters().handshakes_refused.add();
  http_reply answer;
  answer.status = refusal.status;
  answer.body = std::string(refusal.reason) + "\n";
  reply(std::move(answer), &refusal, keep_alive);
}

void http_connection::reply(http_reply reply, const http_refusal* refusal,
                            bool keep_alive) {
  const auto& request = parser_->get();
  const bool body_follows =
      parser_->is_header_done() &&
      (parser_->chunked() || parser_->content_length().value_or(0) > 0);
  response_ = std::make_unique<response>();
  response_->version(request.version() == 10 ? 10 : 11);
  response_->result(reply.status);
  response_->set(http::field::server, "status2");
  response_->set(http::field::content_type, reply.content_type);
  if (refusal != nullptr && refusal->field != http::field::unknown)
    response_->set(refusal->field, refusal->value);
  response_->content_length(reply.body.size());
  response_->keep_alive(keep_alive && !body_follows && !context_->stopping);
  if (refusal != nullptr && refusal->field == http::field::upgrade)
    response_->insert(http::field::connection, "upgrade");
  if (request.method() != http::verb::head)
    response_->body() = std::move(reply.body);
  answered_ = true;
  arm(context_->settings.handshake_timeout);
  http::async_write(
      socket_, *response_,
      [self = shared_from_this()](const error_code& error, std::size_t) {
        try {
          self->on_reply_sent(error);
        } catch (...) {
          self->close();
        }
      });
}

void http_connection::on_reply_sent(const error_code& error) {
  if (!socket_.is_open()) return;
  const bool again = response_->keep_alive() && !context_->stopping;
  response_.reset();
  if (error && error != http::error::end_of_stream) {
    close();
  } else if (again) {
    read_request();
  } else {
    constexpr std::chrono::seconds longest_end{2};
    arm(longest_end);
    error_code ignored;
    socket_.shutdown(tcp_socket::shutdown_send, ignored);
    discard();
  }
}

void http_connection::discard() {
  constexpr std::size_t piece = 4096;
  buffer_.clear();
  socket_.async_read_some(
      buffer_.prepare(piece),
      [self = shared_from_this()](const error_code& error, std::size_t) {
        if (error)
          self->close();
        else
          self->discard();
      });
}

void http_connection::on_timer() {
  const bool idle_between_requests = answered_ && buffer_.size() == 0;
  if (!response_ && !idle_between_requests)
    context_->loop.counters().handshake_timeouts.add();
  close();
}

void http_connection::arm(std::chrono::nanoseconds limit) {
  context_->loop.arm(*this, io_loop::clock::now() + limit);
}

void http_connection::close() {
  context_->loop.disarm(*this);
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace status2::transport
