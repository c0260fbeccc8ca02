#include "transport/http_connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
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

void rate_gate::pass(std::function<void()> next) {
  if (rate_ == 0) {
    next();
    return;
  }
  waiting_.push_back(std::move(next));
  loop_.counters().handshakes_waiting.add();
  if (waiting_.size() == 1) let_through();
}

void rate_gate::stop() {
  loop_.counters().handshakes_waiting.sub(
      static_cast<std::int64_t>(waiting_.size()));
  waiting_.clear();
  loop_.disarm(*this);
}

void rate_gate::on_timer() {
  let_through();
}

void rate_gate::let_through() {
  // The generic cell rate algorithm. A tenth of a second's worth may go at
  // once, and a timer waits for several: one each would cost too much.
  using std::chrono::nanoseconds;
  constexpr nanoseconds burst{std::chrono::milliseconds{100}};
  constexpr nanoseconds several = burst / 10;
  const auto now = io_loop::clock::now();
  const auto each =
      nanoseconds{std::chrono::seconds{1}} / static_cast<std::int64_t>(rate_);
  const auto ahead = std::max(burst - each, nanoseconds{0});
  while (!waiting_.empty()) {
    if (due_ > now + ahead) {
      loop_.arm(*this, due_ - ahead + several);
      return;
    }
    due_ = std::max(due_, now) + each;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    loop_.counters().handshakes_waiting.sub();
    next();
  }
}

void http_connection::read_request() {
  arm(context_->settings.handshake_timeout);
  parser_.emplace();
  parser_->header_limit(
      static_cast<std::uint32_t>(context_->settings.max_header_size));
  parser_->body_limit(boost::none);  // bodies are read for commands only
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
  facts_ = {};
  if (!error) {
    note_request();
    answer_request();
  } else if (error == http::error::header_limit ||
             error == http::error::buffer_overflow) {
    refuse(header_too_large());
  } else if (error == http::error::end_of_stream ||
             error == http::error::partial_message ||
             error.category() !=
                 make_error_code(http::error::end_of_stream).category()) {
    close();
  } else {
    refuse(bad_request());
  }
}

void http_connection::note_request() {
  const auto& request = parser_->get();
  facts_.version = request.version() == 10 ? 10 : 11;
  facts_.head = request.method() == http::verb::head;
  facts_.keep_alive = parser_->keep_alive();
  facts_.body_follows =
      parser_->chunked() || parser_->content_length().value_or(0) > 0;
}

void http_connection::answer_request() {
  const auto path =
      admin_path(path_of(parser_->get()), context_->settings.path_prefix);
  if (path.empty())
    answer_channel();
  else if (path.starts_with("/chaos/"))
    read_command(path);
  else
    answer_admin(path);
}

void http_connection::answer_admin(std::string_view path) {
  const auto method = parser_->get().method();
  if (method != http::verb::get && method != http::verb::head) {
    refuse(admin_method_not_allowed());
    return;
  }
  auto answer = context_->events->on_admin(path);
  if (!answer)
    answer = http_reply{404, "text/plain; charset=utf-8", "not found\n"};
  reply(std::move(*answer));
}

void http_connection::read_command(std::string_view path) {
  constexpr std::uint64_t largest_body = 4096;
  if (parser_->chunked() ||
      parser_->content_length().value_or(0) > largest_body) {
    refuse(body_too_large());
    return;
  }
  command_ = std::make_unique<http::request_parser<http::string_body>>(
      std::move(*parser_));
  http::async_read(socket_, buffer_, *command_,
                   [self = shared_from_this(), path = std::string(path)](
                       const error_code& error, std::size_t) {
                     if (!self->socket_.is_open()) return;
                     try {
                       if (error)
                         self->close();
                       else
                         self->answer_command(path);
                     } catch (...) {
                       self->close();
                     }
                   });
}

void http_connection::answer_command(std::string path) {
  const auto message = command_->release();
  command_.reset();
  facts_.body_follows = false;
  command_request request;
  request.method = std::string(message.method_string());
  request.path = std::move(path);
  const auto target = message.target();
  request.query =
      std::string(split_target({target.data(), target.size()}).query);
  request.authorization = std::string(message[http::field::authorization]);
  request.body = message.body();
  request.remote = printed(remote_);
  // The answer is given and forgotten on another thread. The reference comes
  // home all the same: what a connection leaves when it ends belongs to this
  // thread.
  auto& home = context_->loop.context();
  std::shared_ptr<http_connection> away(
      this, [&home, self = shared_from_this()](http_connection*) mutable {
        boost::asio::post(home, [self = std::move(self)] {});
      });
  context_->events->on_command(
      std::move(request), [&home, away = std::move(away)](http_reply answer) {
        boost::asio::post(home, [away, answer = std::move(answer)]() mutable {
          if (away->socket_.is_open()) away->reply(std::move(answer));
        });
      });
}

void http_connection::answer_channel() {
  const auto& settings = context_->settings;
  auto decision =
      decide(parser_->get(), {settings.path_prefix, settings.allowed_origins});
  if (decision.refusal) {
    refuse(*decision.refusal);
    return;
  }
  context_->gate.pass(
      [self = shared_from_this(), decision = std::move(decision)]() mutable {
        if (self->socket_.is_open()) self->admit(std::move(decision));
      });
}

void http_connection::admit(handshake_decision decision) {
  const auto forwarded = parser_->get()["X-Forwarded-For"];
  const auto client =
      client_address(remote_.address(), {forwarded.data(), forwarded.size()},
                     context_->settings.trusted_proxies);
  http_refusal refusal;
  if (auto place = context_->events->on_admission(client, refusal))
    hand_on(std::move(decision), client, std::move(place));
  else
    refuse(refusal);
}

void http_connection::hand_on(handshake_decision decision,
                              const address& client,
                              std::shared_ptr<void> place) {
  upgrade_request upgrade;
  upgrade.channel = std::move(decision.channel);
  upgrade.query = decision.query;
  // Behind a proxy the port says nothing of the client.
  const auto direct = client_address(remote_.address(), {}, {});
  upgrade.remote = client == direct ? printed(remote_) : client.to_string();
  upgrade.place = std::move(place);
  upgrade.leftover = boost::beast::buffers_to_string(buffer_.data());
  const auto key = parser_->get()[http::field::sec_websocket_key];
  upgrade.key.assign(key.data(), key.size());
  context_->loop.disarm(*this);
  error_code error;
  upgrade.socket = unique_fd(socket_.release(error));
  if (!error) context_->events->on_upgrade(std::move(upgrade));
}

void http_connection::refuse(const http_refusal& refusal) {
  context_->loop.counters().handshakes_refused.add();
  http_reply answer;
  answer.status = refusal.status;
  answer.body = std::string(refusal.reason) + "\n";
  reply(std::move(answer), &refusal);
}

void http_connection::reply(http_reply reply, const http_refusal* refusal) {
  response_ = std::make_unique<response>();
  response_->version(facts_.version);
  response_->result(reply.status);
  response_->set(http::field::server, "status2");
  response_->set(http::field::content_type, reply.content_type);
  if (refusal != nullptr && refusal->field != http::field::unknown)
    response_->set(refusal->field, refusal->value);
  response_->content_length(reply.body.size());
  response_->keep_alive(facts_.keep_alive && !facts_.body_follows &&
                        !context_->stopping);
  if (refusal != nullptr && refusal->field == http::field::upgrade)
    response_->insert(http::field::connection, "upgrade");
  if (!facts_.head) response_->body() = std::move(reply.body);
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
