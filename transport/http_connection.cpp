#include "transport/http_connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/serializer.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;
using response = http::response<http::string_body>;

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

std::string_view path_of(boost::beast::string_view target) {
  return split_target({target.data(), target.size()}).path;
}

/// All lines of X-Forwarded-For as one. A proxy may add a line of its own
/// behind one that the client made up.
std::string forwarded_for(const http_request& request) {
  const auto lines = request.equal_range("X-Forwarded-For");
  std::string all;
  for (auto line = lines.first; line != lines.second; ++line) {
    if (!all.empty()) all += ',';
    all += std::string_view(line->value().data(), line->value().size());
  }
  return all;
}

std::string serialised(response& message) {
  http::response_serializer<http::string_body> serializer(message);
  std::string text;
  boost::system::error_code error;
  do {
    serializer.next(error, [&](auto&, const auto& buffers) {
      for (const auto buffer : boost::beast::buffers_range_ref(buffers))
        text.append(static_cast<const char*>(buffer.data()), buffer.size());
      serializer.consume(boost::beast::buffer_bytes(buffers));
    });
  } while (!error && !serializer.is_done());
  return text;
}

}  // namespace

template <class Action>
void http_connection::turn(Action action) noexcept {
  const auto self = shared_from_this();
  self_.reset();
  try {
    action();
    if (phase_ == phase::closed) return;
    input_.keep();
    if ((wanted() & ~watched_for_) != 0)
      watch(wanted());
    else if (!watched_)
      self_ = self;
  } catch (const std::exception& e) {
    fail(e.what());
  } catch (...) {
    fail("an exception without a text");
  }
}

void http_connection::fail(const char* what) noexcept {
  context_->loop.counters().requests_failed.add();
  context_->events->on_request_failed(what);
  close();
}

http_connection::http_connection(std::shared_ptr<http_context> context,
                                 unique_fd socket, const endpoint& remote)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      remote_(remote) {
  context_->connections.push_back(*this);
  ++context_->connection_count;
}

http_connection::~http_connection() {
  --context_->connection_count;
}

void http_connection::start() {
  turn([this] {
    read_request();
    read();
  });
}

void http_connection::stop() {
  turn([this] {
    if (phase_ != phase::writing) close();
  });
}

void http_connection::give_way() {
  context_->loop.counters().requests_crowded_out.add();
  turn([this] { close(); });
}

void http_context::make_room() {
  if (full() && !readers.empty()) readers.front().give_way();
}

std::uint32_t http_connection::wanted() const {
  switch (phase_) {
    case phase::reading:
    case phase::body:
    case phase::ending:
      return EPOLLIN;
    case phase::writing:
      return EPOLLOUT;
    default:
      return 0;
  }
}

void http_connection::watch(std::uint32_t events) {
  auto& sockets = context_->loop.sockets();
  if (watched_) {
    sockets.change(socket_.value(), *this, events);
  } else if (sockets.add(
                 socket_.value(),
                 std::shared_ptr<watched_socket>(shared_from_this(), this),
                 events)) {
    close();
    return;
  }
  watched_ = true;
  watched_for_ = events;
}

void http_connection::on_ready(std::uint32_t events) noexcept {
  turn([&] {
    // A socket that failed shows it in whatever is tried.
    const bool failed = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (failed && wanted() == 0)
      close();
    else if (!failed && (events & wanted()) == 0)
      watch(wanted());
    else if (phase_ == phase::writing)
      write();
    else
      read();
  });
}

void http_connection::read_request() {
  phase_ = phase::reading;
  context_->readers.push_back(*this);
  arm(context_->settings.handshake_timeout);
  parser_.emplace();
  parser_->header_limit(
      static_cast<std::uint32_t>(context_->settings.max_header_size));
  parser_->body_limit(boost::none);  // bodies are read for commands only
}

void http_connection::read() {
  const auto buffer = context_->loop.sockets().scratch();
  const auto count =
      ::recv(socket_.value(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    close();
    return;
  }
  if (phase_ == phase::ending) return;
  input_.add({buffer.data(), static_cast<std::size_t>(count)});
  if (phase_ == phase::body)
    read_body();
  else
    read_head();
}

void http_connection::read_head() {
  error_code error;
  const auto bytes = input_.view();
  input_.take(
      parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), error));
  if (error == http::error::need_more) return;
  reader_hook_.unlink();
  facts_ = {};
  if (error == http::error::header_limit) {
    refuse(header_too_large());
  } else if (error) {
    refuse(bad_request());
  } else {
    note_request();
    answer_request();
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
  const auto path = admin_path(path_of(parser_->get().target()),
                               context_->settings.path_prefix);
  if (path.empty())
    answer_channel();
  else if (path.starts_with("/chaos/"))
    read_command();
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

void http_connection::read_command() {
  constexpr std::uint64_t largest_body = 4096;
  if (parser_->chunked() ||
      parser_->content_length().value_or(0) > largest_body) {
    refuse(body_too_large());
    return;
  }
  command_ = std::make_unique<command_parser>(std::move(*parser_));
  command_->eager(true);
  phase_ = phase::body;
  read_body();
}

void http_connection::read_body() {
  while (!command_->is_done() && !input_.empty()) {
    error_code error;
    const auto bytes = input_.view();
    input_.take(
        command_->put(boost::asio::buffer(bytes.data(), bytes.size()), error));
    if (error) {
      close();
      return;
    }
  }
  if (command_->is_done()) answer_command();
}

void http_connection::answer_command() {
  const auto message = command_->release();
  command_.reset();
  facts_.body_follows = false;
  phase_ = phase::asked;
  command_request request;
  request.method = std::string(message.method_string());
  request.path =
      admin_path(path_of(message.target()), context_->settings.path_prefix);
  request.query = std::string(split_target(message.target()).query);
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
          away->turn([&] {
            if (away->phase_ == phase::asked) away->reply(std::move(answer));
          });
        });
      });
}

void http_connection::answer_channel() {
  const auto& settings = context_->settings;
  auto decision =
      decide(parser_->get(), {settings.path_prefix, settings.allowed_origins});
  if (decision.refusal) {
    refuse(*decision.refusal);
  } else if (context_->gate.pass(*this)) {
    admit(std::move(decision));
  } else {
    phase_ = phase::held_back;
    held_back_ = std::make_unique<handshake_decision>(std::move(decision));
  }
}

void http_connection::let_through() {
  turn([this] { admit(std::move(*std::exchange(held_back_, nullptr))); });
}

void http_connection::admit(handshake_decision decision) {
  const auto client =
      client_address(remote_.address(), forwarded_for(parser_->get()),
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
  upgrade.leftover = input_.view();
  const auto key = parser_->get()[http::field::sec_websocket_key];
  upgrade.key.assign(key.data(), key.size());
  phase_ = phase::closed;
  context_->loop.disarm(*this);
  context_->loop.sockets().release(socket_.value(), *this);
  upgrade.socket = std::move(socket_);
  context_->events->on_upgrade(std::move(upgrade));
}

void http_connection::refuse(const http_refusal& refusal) {
  context_->loop.counters().handshakes_refused.add();
  http_reply answer;
  answer.status = refusal.status;
  answer.body = std::string(refusal.reason) + "\n";
  reply(std::move(answer), &refusal);
}

void http_connection::reply(http_reply reply, const http_refusal* refusal) {
  response message;
  message.version(facts_.version);
  message.result(reply.status);
  message.set(http::field::server, "status2");
  message.set(http::field::content_type, reply.content_type);
  if (refusal != nullptr && refusal->field != http::field::unknown)
    message.set(refusal->field, refusal->value);
  message.content_length(reply.body.size());
  keep_ = facts_.keep_alive && !facts_.body_follows && !context_->stopping;
  message.keep_alive(keep_);
  if (refusal != nullptr && refusal->field == http::field::upgrade)
    message.insert(http::field::connection, "upgrade");
  if (!facts_.head) message.body() = std::move(reply.body);
  answer_ = serialised(message);
  sent_ = 0;
  answered_ = true;
  phase_ = phase::writing;
  arm(context_->settings.handshake_timeout);
  write();
}

void http_connection::write() {
  while (sent_ < answer_.size()) {
    const auto count = ::send(socket_.value(), answer_.data() + sent_,
                              answer_.size() - sent_, send_flags);
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      close();
      return;
    }
  }
  answer_ = {};
  on_reply_sent();
}

void http_connection::on_reply_sent() {
  if (!keep_ || context_->stopping) {
    discard();
    return;
  }
  read_request();
  if (input_.empty()) return;
  // Others first: a client may send any number of requests at once.
  phase_ = phase::pipelined;
  boost::asio::post(context_->loop.context(), [self = shared_from_this()] {
    self->turn([&] {
      if (self->phase_ != phase::pipelined) return;
      self->phase_ = phase::reading;
      self->read_head();
    });
  });
}

void http_connection::discard() {
  constexpr std::chrono::seconds longest_end{2};
  phase_ = phase::ending;
  input_.clear();
  arm(longest_end);
  ::shutdown(socket_.value(), SHUT_WR);
}

void http_connection::on_timer() {
  const bool answered = phase_ == phase::writing || phase_ == phase::ending;
  const bool idle_between_requests = answered_ && input_.empty();
  if (!answered && !idle_between_requests)
    context_->loop.counters().handshake_timeouts.add();
  turn([this] { close(); });
}

void http_connection::arm(std::chrono::nanoseconds limit) {
  context_->loop.arm(*this, io_loop::clock::now() + limit);
}

void http_connection::close() {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  reader_hook_.unlink();
  context_->gate.leave(*this);
  context_->loop.disarm(*this);
  const auto self = context_->loop.sockets().remove(*this);
  socket_ = unique_fd();
}

}  // namespace status2::transport
