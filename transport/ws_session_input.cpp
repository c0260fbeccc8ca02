// What comes from the client: Beast checks frames, this part acts on messages
// and on how the stream ends.
#include "transport/json.hpp"
#include "transport/ws_session_impl.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/stream_base.hpp>

#include <algorithm>
#include <chrono>
#include <sys/socket.h>
#include <utility>

namespace status2::transport {

namespace {

namespace websocket = boost::beast::websocket;

void name_server(websocket::response_type& response) {
  response.set(boost::beast::http::field::server, "status2");
}

close_reason reason_of(const boost::system::error_code& error) {
  if (error == websocket::error::message_too_big)
    return close_reason::message_too_big;
  if (error == websocket::error::bad_frame_payload)
    return close_reason::bad_utf8;
  return close_reason::protocol_error;
}

}  // namespace

void ws_session_impl::accept(const upgrade_request& request) {
  // Beast never sends data itself, so its buffer for that is kept minimal.
  constexpr std::size_t smallest_write_buffer = 8;
  stream_.write_buffer_bytes(smallest_write_buffer);
  stream_.read_message_max(settings_.max_message_size);
  stream_.set_option(websocket::stream_base::decorator(&name_server));
  stream_.async_accept(request.request,
                       [self = shared_from_this()](const error_code& error) {
                         self->guarded([&] { self->on_accept(error); });
                       });
}

void ws_session_impl::on_accept(const error_code& error) {
  if (phase_ == phase::closed) return;
  if (error)
    finish(close_reason::internal_error, error);
  else
    read();
}

void ws_session_impl::read() {
  stream_.async_read_some(
      boost::asio::buffer(input_),
      [self = shared_from_this()](const error_code& error, std::size_t count) {
        self->guarded([&] { self->on_read(error, count); });
      });
}

void ws_session_impl::on_read(const error_code& error, std::size_t count) {
  if (phase_ == phase::closed) return;
  if (error) {
    on_read_error(error);
    return;
  }
  // Binary messages, and all that comes after our Close frame, are ignored.
  const bool whole = stream_.is_message_done();
  if (phase_ == phase::open && whole && !within_rate()) {
    close(close_reason::message_rate);
  } else if (phase_ == phase::open && stream_.got_text()) {
    const std::string_view part(input_.data(), count);
    if (whole && message_.empty()) {
      on_message(part);
    } else {
      message_ += part;
      if (whole) on_message(std::exchange(message_, {}));
    }
  }
  if (phase_ != phase::closed) read();
}

bool ws_session_impl::within_rate() {
  if (settings_.message_rate == 0) return true;
  // The generic cell rate algorithm: one time instead of a bucket of tokens.
  const auto now = io_loop::clock::now();
  const auto each = std::chrono::nanoseconds{std::chrono::seconds{1}} /
                    static_cast<std::int64_t>(settings_.message_rate);
  const auto burst = each * static_cast<std::int64_t>(settings_.message_burst);
  message_due_ = std::max(message_due_, now) + each;
  return message_due_ <= now + burst;
}

void ws_session_impl::on_message(std::string_view text) {
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

void ws_session_impl::on_read_error(const error_code& error) {
  message_ = {};
  if (error == websocket::error::closed) {
    peer_code_ = stream_.reason().code;
    end(close_reason::client_closed, false);
  } else if (error.category() ==
             make_error_code(websocket::error::closed).category()) {
    end(reason_of(error), true);
  } else {
    finish(close_reason::connection_lost, error);
  }
}

void ws_session_impl::discard() {
  stream_.next_layer().socket().async_wait(
      tcp_socket::wait_read, [self = shared_from_this()](const error_code&) {
        self->guarded([&] { self->on_discard(); });
      });
}

void ws_session_impl::on_discard() {
  if (phase_ == phase::closed) return;
  std::array<char, 16384> dropped;
  const auto count = ::recv(stream_.next_layer().socket().native_handle(),
                            dropped.data(), dropped.size(), MSG_DONTWAIT);
  if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) {
    discard();
    return;
  }
  linger_ = false;
  if (!writer_.waiting()) finish(*reason_);
}

}  // namespace status2::transport
