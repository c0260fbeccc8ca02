#include "transport/http_connection.hpp"

#include "transport/event_stream.hpp"
#include "transport/forwarded.hpp"
#include "transport/text_view.hpp"
#include "transport/tls_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

constexpr std::size_t most_lines = 101;  ///< of a header: 100 fields

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

/// Lines of `bytes` that belong to a header, which may have begun before.
std::size_t lines_of_head(std::string_view bytes) {
  constexpr std::string_view end = "\r\n";
  if (bytes.starts_with(end)) return 0;
  return count_lines(bytes.substr(0, bytes.find("\r\n\r\n"))) + 1;
}

}  // namespace

template <class Action>
void http_connection::turn(Action action) noexcept {
  const auto self = shared_from_this();
  self_.reset();
  try {
    action();
    wait(self);
  } catch (const std::bad_alloc&) {
    on_out_of_memory(self);
  } catch (const std::exception& e) {
    fail(e.what());
  } catch (...) {
    fail("an exception without a text");
  }
}

void http_connection::wait(const std::shared_ptr<http_connection>& self) {
  if (phase_ == phase::closed) return;
  input_.keep();
  auto& inbound = context_->loop.inbound();
  inbound.hold(*this, kept_bytes());
  inbound.enforce();
  if (phase_ == phase::closed) return;
  if ((wanted() & ~watched_for_) != 0)
    watch(wanted());
  else if (!watched_)
    self_ = self;
}

void http_connection::on_out_of_memory(
    const std::shared_ptr<http_connection>& self) noexcept {
  try {
    // Nobody asked, or an answer is under way, or the client is elsewhere.
    if (idle_ || phase_ == phase::writing || phase_ == phase::ending)
      return close();
    if (phase_ == phase::closed) return;
    context_->gate.leave(*this);
    command_.reset();
    if (!parser_) parser_.emplace();
    form_ = {};
    more_follows_ = true;
    refuse(refusal::out_of_memory);
    wait(self);
  } catch (...) {
    close();
  }
}

std::size_t http_connection::kept_bytes() const {
  // Beast keeps each line of a header in a node of its own.
  constexpr std::size_t line_node = 128;
  constexpr std::size_t inside_string = 15;
  std::size_t bytes = input_.kept_bytes();
  if (answer_.capacity() > inside_string) bytes += answer_.capacity();
  if (command_) bytes += sizeof(command_request) + command_->body.capacity();
  if (parser_) bytes += head_bytes_ + head_lines_ * line_node;
  if (const auto* tls = stream_.tls()) bytes += tls->kept_bytes();
  return bytes;
}

void http_connection::fail(const char* what) noexcept {
  context_->loop.counters().requests_failed.add();
  context_->events->on_request_failed(what);
  close();
}

http_connection::http_connection(std::shared_ptr<http_context> context,
                                 unique_fd socket, peer remote)
    : context_(std::move(context)),
      stream_(std::move(socket)),
      unnamed_(context_->settings.proxy_protocol),
      plain_yet_(context_->settings.tls && remote.unix_path.empty()),
      remote_(std::move(remote)) {
  context_->connections.push_back(*this);
  ++context_->connection_count;
}

http_connection::~http_connection() {
  context_->loop.inbound().hold(*this, 0);
  if (!held_back_) --context_->connection_count;
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
  if (full() && !waiters.empty()) waiters.front().give_way();
}

std::uint32_t http_connection::wanted() const {
  switch (phase_) {
    case phase::reading:
    case phase::body:
    case phase::ending:
      return EPOLLIN;
    case phase::writing:
      return EPOLLOUT;
    case phase::securing:
      return securing_for_;
    default:
      return 0;
  }
}

void http_connection::watch(std::uint32_t events) {
  auto& sockets = context_->loop.sockets();
  if (watched_) {
    sockets.change(stream_.fd(), *this, events);
  } else if (sockets.add(
                 stream_.fd(),
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
    else if (phase_ == phase::securing)
      wait_for_turn();
    else
      read();
  });
}

void http_connection::enter(phase next) {
  phase_ = next;
  waiter_hook_.unlink();
  if (next == phase::closed) {
    context_->loop.inbound().hold(*this, 0);
    context_->loop.disarm(*this);
  }
  if (wanted() != 0) context_->waiters.push_back(*this);
}

// -- parse --------------------------------------------------------------------

void http_connection::read_request() {
  enter(phase::reading);
  idle_ = answered_ && input_.empty();
  arm(idle_ ? context_->settings.keepalive_timeout
            : context_->settings.handshake_timeout);
  parser_.emplace();
  head_lines_ = 0;
  head_bytes_ = 0;
  parser_->header_limit(
      static_cast<std::uint32_t>(context_->settings.max_header_size));
  parser_->body_limit(boost::none);  // bodies are read for commands only
}

void http_connection::read() {
  if (plain_yet_) return unnamed_ ? read_up_to_tls() : begin_tls();
  const auto buffer = context_->loop.sockets().scratch();
  const auto count = stream_.read(buffer);
  if (count == -EAGAIN || count == -EINTR) return;
  if (count <= 0) {
    close();
    return;
  }
  if (phase_ == phase::ending) return;
  if (std::exchange(idle_, false)) arm(context_->settings.handshake_timeout);
  input_.add({buffer.data(), static_cast<std::size_t>(count)});
  if (phase_ == phase::body)
    read_body();
  else if (!unnamed_ || read_proxy_header())
    read_head();
}

/// Others first: it may cost a private-key operation.
void http_connection::wait_for_turn() {
  enter(phase::queued);
  context_->loop.handshakes().add([self = shared_from_this()] {
    self->turn([&] {
      if (self->phase_ == phase::queued) self->shake_hands();
    });
  });
}

void http_connection::read_head() {
  error_code error;
  if (head_lines_ == 0 && !skip_empty_lines()) return;
  const auto bytes = input_.view();
  if (head_lines_ + lines_of_head(bytes) > most_lines) {
    form_ = {};
    more_follows_ = true;
    refuse(refusal::header_fields);
    return;
  }
  // Beast takes a header line by line.
  const auto taken =
      parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  head_lines_ += count_lines(bytes.substr(0, taken));
  head_bytes_ += taken;
  input_.take(taken);
  if (error == http::error::need_more) return;
  form_ = {};
  more_follows_ = true;
  if (error == http::error::header_limit) {
    refuse(refusal::header_size);
  } else if (error) {
    refuse(refusal::not_http);
  } else {
    note_request();
    answer_request();
  }
}

/// Source: RFC 9112 section 2.2.
bool http_connection::skip_empty_lines() {
  constexpr std::string_view line = "\r\n";
  while (input_.view().starts_with(line))
    input_.take(line.size());
  return !line.starts_with(input_.view());
}

void http_connection::note_request() {
  const auto& request = parser_->get();
  form_.version = request.version();
  form_.head = request.method() == http::verb::head;
  form_.keep_alive = parser_->keep_alive();
  more_follows_ = parser_->chunked() ||
                  parser_->content_length().value_or(0) > 0 ||
                  request.count(http::field::upgrade) > 0;
}

// -- route --------------------------------------------------------------------

void http_connection::answer_request() {
  const auto& settings = context_->settings;
  const auto routed = find_route(
      parser_->get(),
      {settings.path_prefix, settings.role,
       settings.tokens != nullptr && settings.role != port_role::admin});
  if (routed.refused)
    refuse(*routed.refused);
  else if (!serves_host(routed))
    refuse(refusal::misdirected);
  else if (routed.serves == resource::channel)
    authorize(routed);
  else if (routed.serves == resource::tickets)
    answer_tickets(routed);
  else if (is_command(routed.serves))
    judge_command(routed);
  else
    answer_page(routed.serves);
}

/// A proxy may have put its own name where the client's Host was.
bool http_connection::serves_host(const routed_request& routed) const {
  const auto& hosts = context_->settings.hosts;
  return !routed.names_host || hosts.serve(routed.host) ||
         hosts.serve(host_at_proxy());
}

std::string http_connection::host_at_proxy() const {
  return forwarded_host(parser_->get(), remote_,
                        context_->settings.trusted_proxies);
}

void http_connection::answer_page(resource page) {
  const auto& fields = parser_->get();
  const page_request request{
      page, std::string(view_of(fields[http::field::if_none_match])),
      std::string(view_of(fields[http::field::accept_encoding]))};
  parser_.reset();
  enter(phase::asked);
  context_->events->on_page(request, answer_later());
}

void http_connection::judge_command(const routed_request& routed) {
  constexpr std::uint64_t largest_body = 4096;
  auto command = std::make_unique<command_request>();
  command->command = routed.serves;
  command->method_allowed = routed.method_allowed;
  command->path = routed.path;
  command->authorization = view_of(parser_->get()[http::field::authorization]);
  command->from_page = parser_->get().count(http::field::origin) > 0;
  command->client = client();
  command->remote = remote_text(command->client);
  if (auto denied = context_->events->on_command_head(*command)) {
    reply(std::move(*denied));
    return;
  }
  const auto length = parser_->content_length().value_or(0);
  if (parser_->chunked() || length > largest_body) {
    refuse(refusal::body_size);
    return;
  }
  parser_.reset();
  command_ = std::move(command);
  body_wanted_ = static_cast<std::size_t>(length);
  enter(phase::body);
  read_body();
}

void http_connection::read_body() {
  const auto bytes = input_.view().substr(0, body_wanted_);
  command_->body += bytes;
  body_wanted_ -= bytes.size();
  input_.take(bytes.size());
  if (body_wanted_ == 0) answer_command();
}

void http_connection::answer_command() {
  more_follows_ = false;
  enter(phase::asked);
  context_->events->on_command(std::move(*std::exchange(command_, nullptr)),
                               answer_later());
}

// -- admit --------------------------------------------------------------------

void http_connection::admit(handshake request) {
  admitted next{std::move(request), client(), nullptr};
  auto entered = context_->events->on_admission(next.client);
  if (!entered.place) {
    const auto why = entered.refused;
    refuse(why, limit_reply(why, next.request.options, next.request.origin));
    return;
  }
  parser_.reset();
  next.place = std::move(entered.place);
  if (context_->gate.pass(*this, next.client)) {
    hand_on(std::move(next));
    return;
  }
  enter(phase::held_back);
  held_back_ = std::make_unique<admitted>(std::move(next));
  --context_->connection_count;
}

void http_connection::let_through() {
  turn([this] {
    ++context_->connection_count;
    hand_on(std::move(*std::exchange(held_back_, nullptr)));
  });
}

// -- hand on ------------------------------------------------------------------

void http_connection::hand_on(admitted client) {
  upgrade_request upgrade;
  upgrade.channel = std::move(client.request.channel);
  upgrade.options = std::move(client.request.options);
  upgrade.origin = std::move(client.request.origin);
  upgrade.key = std::move(client.request.key);
  upgrade.subprotocol = std::move(client.request.subprotocol);
  upgrade.extensions = std::move(client.request.extensions);
  upgrade.remote = remote_text(client.client);
  upgrade.place = std::move(client.place);
  upgrade.token = std::move(client.request.token);
  upgrade.leftover = input_.view();
  enter(phase::closed);
  context_->loop.sockets().release(stream_.fd(), *this);
  upgrade.stream = std::move(stream_);
  context_->events->on_upgrade(std::move(upgrade));
}

address http_connection::client() const {
  const auto& trusted = context_->settings.trusted_proxies;
  return trusted.trusts(remote_)
             ? client_address(remote_, forwarded_for(parser_->get()), trusted)
             : plain(remote_.where);
}

std::string http_connection::remote_text(const address& client) const {
  // Behind a proxy the port says nothing of the client.
  return client == plain(remote_.where) ? to_text(remote_) : client.to_string();
}

// -- answer -------------------------------------------------------------------

void http_connection::refuse(refusal why, http_reply answer,
                             std::string_view detail) {
  context_->loop.counters().handshakes_refused.add();
  // Nobody knows where the body ends.
  more_follows_ = more_follows_ || why == refusal::transfer_encoding;
  const auto& request = parser_->get();
  const auto target = view_of(request.target());
  context_->events->on_refused({why, remote_text(client()),
                                view_of(request[http::field::origin]),
                                target.substr(0, target.find('?')), detail});
  reply(std::move(answer));
}

answer_function http_connection::answer_later() {
  // The answer is given and forgotten on another thread. The reference comes
  // home all the same: what a connection leaves when it ends belongs to this
  // thread.
  auto& home = context_->loop.context();
  std::shared_ptr<http_connection> away(
      this, [&home, self = shared_from_this()](http_connection*) mutable {
        boost::asio::post(home, [self = std::move(self)] {});
      });
  return [&home, away = std::move(away)](http_reply answer) {
    boost::asio::post(home, [away, answer = std::move(answer)]() mutable {
      away->turn([&] {
        if (away->phase_ == phase::asked) away->reply(std::move(answer));
      });
    });
  };
}

void http_connection::reply(http_reply reply) {
  parser_.reset();
  keep_ = form_.keep_alive && !more_follows_ && !context_->stopping;
  form_.keep_alive = keep_;
  answer_ = write_answer(std::move(reply), form_);
  sent_ = 0;
  answered_ = true;
  enter(phase::writing);
  arm(context_->settings.handshake_timeout);
  write();
}

void http_connection::write() {
  while (sent_ < answer_.size()) {
    const auto count = stream_.write(std::string_view(answer_).substr(sent_));
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (count == -EAGAIN) {
      return;
    } else if (count != -EINTR) {
      close();
      return;
    }
  }
  if (const auto left = stream_.flush(); left < 0)
    return left == -EAGAIN ? void() : close();
  std::string().swap(answer_);
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
  enter(phase::pipelined);
  boost::asio::post(context_->loop.context(), [self = shared_from_this()] {
    self->turn([&] {
      if (self->phase_ != phase::pipelined) return;
      self->enter(phase::reading);
      self->read_head();
    });
  });
}

void http_connection::discard() {
  constexpr std::chrono::seconds longest_end{2};
  enter(phase::ending);
  input_.clear();
  arm(longest_end);
  stream_.end_writing();
}

void http_connection::on_timer() {
  const bool answered = phase_ == phase::writing || phase_ == phase::ending;
  if (!answered && !idle_) context_->loop.counters().handshake_timeouts.add();
  turn([this] { close(); });
}

void http_connection::arm(std::chrono::nanoseconds limit) {
  context_->loop.arm(*this, context_->loop.now() + limit);
}

void http_connection::close() {
  if (phase_ == phase::closed) return;
  enter(phase::closed);
  context_->gate.leave(*this);
  const auto self = context_->loop.sockets().remove(*this);
  stream_.close();
}

}  // namespace status2::transport
