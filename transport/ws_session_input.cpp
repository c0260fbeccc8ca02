// What comes from the client: client_frames tells frames apart, this part acts
// on messages and on how the stream ends.
#include "transport/accept_key.hpp"
#include "transport/json.hpp"
#include "transport/ws_session_impl.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <sys/socket.h>

namespace status2::transport {

namespace {

boost::system::error_code system_error(int code) {
  return {code, boost::system::system_category()};
}

}  // namespace

void ws_session_impl::answer(const upgrade_request& request) {
  sent(writer_.write_raw(
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\nConnection: upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_key(request.key) + "\r\nServer: status2\r\n\r\n"));
}

void ws_session_impl::on_ready(std::uint32_t events) noexcept {
  guarded([&] {
    // A socket that failed shows it in whatever is tried.
    const bool failed = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (writer_.waiting() && (failed || (events & EPOLLOUT) != 0))
      on_writable();
    if (!end_of_stream_ && (failed || (events & EPOLLIN) != 0)) read();
  });
}

void ws_session_impl::read() {
  if (phase_ == phase::closed) return;
  const auto buffer = loop_.sockets().scratch();
  const auto count =
      ::recv(socket_.value(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count > 0) {
    feed(buffer.first(static_cast<std::size_t>(count)));
  } else if (count == 0) {
    on_read_end(boost::asio::error::eof);
  } else if (errno != EAGAIN && errno != EINTR) {
    on_read_end(system_error(errno));
  }
}

void ws_session_impl::feed(std::span<char> bytes) {
  // What comes after the last frame is dropped, so that the client gets ours
  // instead of a reset.
  if (!listening()) return;
  const auto error = frames_.feed(bytes, *this);
  if (!error || !listening()) return;
  send_close(describe(*error).code);
  if (listening()) end(*error, true);
}

void ws_session_impl::on_read_end(const error_code& error) {
  end_of_stream_ = true;
  if (listening()) {
    finish(close_reason::connection_lost, error);
  } else {
    linger_ = false;
    if (writer_.waiting())
      watch();
    else
      finish(*reason_);
  }
}

bool ws_session_impl::on_text(std::string_view message) {
  if (admit_message()) act_on(message);
  return listening();
}

bool ws_session_impl::on_binary() {
  admit_message();
  return listening();
}

bool ws_session_impl::on_ping(std::string_view payload) {
  if (admit_message()) {
    std::string pong;
    append_pong_frame(pong, payload);
    sent(writer_.write_raw(pong));
  }
  return listening();
}

bool ws_session_impl::on_pong(std::string_view) {
  return true;
}

void ws_session_impl::on_close(std::uint16_t code, std::string_view) {
  peer_code_ = code;
  send_close(code == 0 ? normal_closure : code);
  if (listening()) end(close_reason::client_closed, false);
}

void ws_session_impl::send_close(std::uint16_t code) {
  if (writer_.sealed()) return;
  std::string last;
  append_close_frame(last, code, {});
  sent(writer_.write_raw(last));
  writer_.seal();
}

bool ws_session_impl::admit_message() {
  if (phase_ != phase::open || settings_.message_rate == 0)
    return phase_ == phase::open;
  // The generic cell rate algorithm: one time instead of a bucket of tokens.
  const auto now = io_loop::clock::now();
  const auto each = std::chrono::nanoseconds{std::chrono::seconds{1}} /
                    static_cast<std::int64_t>(settings_.message_rate);
  const auto burst = each * static_cast<std::int64_t>(settings_.message_burst);
  message_due_ = std::max(message_due_, now) + each;
  if (message_due_ <= now + burst) return true;
  close(close_reason::message_rate);
  return false;
}

void ws_session_impl::act_on(std::string_view text) {
  constexpr std::size_t shown_of_malformed = 120;
  // An event may destroy the session's owner and with it the events.
  const auto events = events_;
  switch (parse_client_message(text)) {
    case client_message::init:
      heard_ = io_loop::clock::now();
      if (events) events->on_init();
      break;
    case client_message::pong:
      heard_ = io_loop::clock::now();
      break;
    case client_message::malformed:
      loop_.counters().malformed_messages.add();
      if (events) events->on_malformed(text.substr(0, shown_of_malformed));
      break;
    case client_message::other:
      break;
  }
}

}  // namespace status2::transport
