// What comes from the client: client_frames tells frames apart, this part acts
// on messages and on how the stream ends.
#include "transport/allowance.hpp"
#include "transport/client_message.hpp"
#include "transport/client_session_impl.hpp"
#include "transport/tls_stream.hpp"

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

void client_session_impl::on_ready(std::uint32_t events) noexcept {
  guarded([&] {
    // A socket that failed shows it in whatever is tried.
    const bool failed = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (writer_.waiting() && (failed || (events & EPOLLOUT) != 0))
      on_writable();
    if (deaf_ && (failed || (events & EPOLLRDHUP) != 0))
      on_end_while_deaf();
    else if (!deaf_ && !end_of_stream_ && (failed || (events & EPOLLIN) != 0))
      read();
  });
}

void client_session_impl::read() {
  if (phase_ == phase::closed) return;
  read_some();
  // TLS may have answered by itself.
  if (stream_.tls() != nullptr && phase_ != phase::closed) sent({});
}

void client_session_impl::read_some() {
  const auto buffer = loop_.sockets().scratch();
  const auto count = stream_.read(buffer);
  if (count > 0) {
    feed(buffer.first(static_cast<std::size_t>(count)));
  } else if (count == 0) {
    on_read_end(boost::asio::error::eof);
  } else if (count != -EAGAIN && count != -EINTR) {
    on_read_end(system_error(static_cast<int>(-count)));
  } else if (stream_.tls() != nullptr && phase_ == phase::open) {
    // A part of a record, or one without data.
    charge(1);
    if (phase_ == phase::closed) return;
    loop_.inbound().hold(*this, kept_bytes());
    loop_.inbound().enforce();
  }
}

std::size_t client_session_impl::kept_bytes() const {
  const auto* tls = stream_.tls();
  return frames_.kept_bytes() + (tls == nullptr ? 0 : tls->kept_bytes());
}

void client_session_impl::feed(std::span<char> bytes) {
  // What comes after the last frame is dropped, so that the client gets ours
  // instead of a reset.
  if (!listening()) return;
  if (!protocol_.two_way) {
    charge(units_of(bytes.size()));
    return;
  }
  frame_begun_ = false;
  const auto error = frames_.feed(bytes, *this);
  if (error && listening()) {
    send_close(describe(*error).code);
    stop_listening();
    if (listening()) end(*error, true);
  }
  // Small parts of a frame cost as much work as frames.
  constexpr std::size_t small = 256;
  if (!error && phase_ == phase::open && !frame_begun_ && bytes.size() < small)
    charge(1);
  note_unfinished();
  if (phase_ == phase::closed) return;
  loop_.inbound().hold(*this, kept_bytes());
  loop_.inbound().enforce();
}

void client_session_impl::note_unfinished() {
  if (!frames_.unfinished()) {
    message_begun_.reset();
  } else if (!message_begun_ && phase_ == phase::open) {
    message_begun_ = loop_.now();
    schedule();
  }
}

void client_session_impl::stop_listening() {
  if (std::exchange(deaf_, true)) return;
  if (phase_ != phase::closed) watch();
}

/// Unread bytes would turn the end of the connection into a reset, which may
/// overtake the Close frame.
void client_session_impl::on_end_while_deaf() {
  const auto buffer = loop_.sockets().scratch();
  while (::recv(stream_.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
  }
  deaf_ = false;
  on_read_end(boost::asio::error::eof);
}

void client_session_impl::on_read_end(const error_code& error) {
  end_of_stream_ = true;
  if (listening() && !protocol_.two_way && error == boost::asio::error::eof) {
    finish(close_reason::client_closed);
  } else if (listening()) {
    finish(close_reason::connection_lost, error);
  } else {
    linger_ = false;
    if (writer_.waiting())
      watch();
    else
      finish(*reason_);
  }
}

bool client_session_impl::on_frame(std::uint64_t size) {
  frame_begun_ = true;
  silent_ = false;
  unanswered_.reset();
  if (phase_ != phase::open) return listening();
  return charge(units_of(size));
}

std::uint64_t client_session_impl::bytes_of_unit() const {
  // So that the largest message is never too much for a client that was quiet.
  constexpr std::uint64_t least_unit = 4096;
  return std::max<std::uint64_t>(
      least_unit, 2 * settings_.max_message_size / settings_.message_burst);
}

bool client_session_impl::on_inflated(std::uint64_t more) {
  // A message costs by what it holds, however small it came.
  if (phase_ != phase::open) return listening();
  return charge(more / bytes_of_unit());
}

bool client_session_impl::on_text(std::string_view message) {
  if (end_message()) act_on(message);
  return listening();
}

bool client_session_impl::on_binary() {
  end_message();
  return listening();
}

bool client_session_impl::on_ping(std::string_view payload) {
  if (phase_ == phase::open) {
    std::string pong;
    append_pong_frame(pong, payload);
    sent(writer_.write_raw(pong));
  }
  return listening();
}

bool client_session_impl::on_pong(std::string_view) {
  return true;
}

void client_session_impl::on_close(std::uint16_t code, std::string_view) {
  peer_code_ = code;
  send_close(code == 0 ? normal_closure : code);
  if (listening()) end(close_reason::client_closed, false);
}

void client_session_impl::send_close(std::uint16_t code) {
  if (writer_.sealed()) return;
  std::string last;
  append_close_frame(last, code, {});
  sent(writer_.write_raw(last));
  writer_.seal();
}

bool client_session_impl::end_message() {
  message_begun_.reset();
  return phase_ == phase::open;
}

bool client_session_impl::charge(std::uint64_t units) {
  if (settings_.message_rate == 0) return true;
  const auto now = loop_.now();
  const auto each = std::chrono::nanoseconds{std::chrono::seconds{1}} /
                    static_cast<std::int64_t>(settings_.message_rate);
  const allowance limit{
      each, each * static_cast<std::int64_t>(settings_.message_burst)};
  message_due_ =
      limit.after(message_due_, now, static_cast<std::int64_t>(units));
  if (limit.holds(message_due_, now)) return true;
  refuse_input(close_reason::message_rate);
  return false;
}

void client_session_impl::refuse_input(close_reason reason) {
  frames_.stop();
  loop_.inbound().hold(*this, 0);
  close(reason);
  stop_listening();
  // A browser ends the connection when it sees our end of stream.
  if (phase_ == phase::closing) end(reason, true);
}

void client_session_impl::act_on(std::string_view text) {
  constexpr std::size_t shown_of_malformed = 120;
  // An event may destroy the session's owner and with it the events.
  const auto events = events_;
  switch (parse_client_message(text)) {
    case client_message::init:
      if (events) events->on_init();
      break;
    case client_message::pong:
      break;
    case client_message::malformed:
      loop_.counters().malformed_messages.add();
      if (events)
        events->on_malformed(text.substr(0, token_ ? 0 : shown_of_malformed));
      break;
    case client_message::auth:
      if (token_) renew(token_of_auth(text));
      break;
    case client_message::other:
      break;
  }
}

}  // namespace status2::transport
