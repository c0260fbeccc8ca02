#include "tests/bench/viewer.hpp"

#include "tests/bench/accept_key.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <system_error>
#include <utility>

namespace status2::bench {

namespace {

// One key for all: its answer is worked out once.
constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";

const std::string& expected_accept() {
  static const std::string accept = accept_key(key);
  return accept;
}

const std::string& init_frame() {
  static const std::string frame = client_text_frame(R"({"type":"init"})");
  return frame;
}

const std::string& pong_frame() {
  static const std::string frame = client_text_frame(R"({"type":"pong"})");
  return frame;
}

}  // namespace

viewer::viewer(viewing& shared, std::string channel, histogram& latency)
    : shared_(shared), channel_(std::move(channel)), latency_(latency) {}

void viewer::open() {
  stream_.open(shared_.port, shared_.tls.get());
  phase_ = phase::connecting;
  shared_.loop.add(stream_.fd(), EPOLLOUT, *this);
}

void viewer::on_io(std::uint32_t events) {
  if (phase_ == phase::ended) return;
  if (phase_ == phase::connecting || phase_ == phase::securing) {
    if (stream_.is_tls())
      shake_hands();
    else
      send_request();
    return;
  }
  // TLS may have read more than one record.
  while (read() && stream_.is_tls()) {
  }
}

void viewer::shake_hands() {
  phase_ = phase::securing;
  const int wanted = stream_.shake_hands();
  if (wanted < 0)
    end("no TLS");
  else if (wanted == 0)
    send_request();
  else
    shared_.loop.modify(stream_.fd(), static_cast<std::uint32_t>(wanted),
                        *this);
}

bool viewer::read() {
  if (phase_ == phase::ended) return false;
  const auto size = stream_.read(shared_.buffer);
  if (size > 0)
    on_bytes({shared_.buffer.data(), static_cast<std::size_t>(size)});
  else if (size == 0)
    end("the server closed the connection");
  else if (size != -EAGAIN && size != -EINTR)
    end(std::generic_category().message(static_cast<int>(-size)));
  return size > 0;
}

void viewer::send_request() {
  std::string request =
      "GET " + shared_.path_prefix + "/" + channel_ + shared_.query +
      " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(shared_.port) + "\r\n";
  request += shared_.event_stream
                 ? "Accept: text/event-stream\r\n\r\n"
                 : "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                       std::string(key) + "\r\n\r\n";
  if (!stream_.send_whole(request)) {
    end("could not connect");
    return;
  }
  phase_ = phase::upgrading;
  shared_.loop.modify(stream_.fd(), EPOLLIN, *this);
}

void viewer::on_bytes(std::string_view bytes) {
  if (phase_ == phase::upgrading)
    on_upgrade_answer(bytes);
  else if (shared_.event_stream)
    on_events(bytes);
  else
    on_frames(bytes);
}

bool viewer::accepted(std::string_view head) const {
  if (shared_.event_stream) return head.starts_with("HTTP/1.1 200 ");
  return head.starts_with("HTTP/1.1 101 ") &&
         head.find(expected_accept()) != std::string_view::npos;
}

void viewer::on_upgrade_answer(std::string_view bytes) {
  head_.append(bytes);
  const std::size_t end_of_head = head_.find("\r\n\r\n");
  if (end_of_head == std::string::npos) return;
  const std::string answer = std::exchange(head_, {});
  const std::string_view head = std::string_view(answer).substr(0, end_of_head);
  if (!accepted(head)) {
    end(head.substr(0, head.find('\r')));
    return;
  }
  phase_ = phase::open;
  ++shared_.seen.opened;
  if (shared_.send_init && !stream_.send_whole(init_frame())) {
    end("could not send init");
    return;
  }
  on_bytes(std::string_view(answer).substr(end_of_head + 4));
}

void viewer::on_events(std::string_view bytes) {
  const std::uint64_t now = now_ns();
  events_.feed(bytes, [this, now](std::string_view data) {
    on_text(read_server_text(data), now);
  });
}

void viewer::on_frames(std::string_view bytes) {
  const std::uint64_t now = now_ns();
  const bool sound = frames_.feed(
      bytes, [this, now](const frame_view& frame) { on_frame(frame, now); });
  if (!sound) {
    ++shared_.seen.unexpected;
    end("malformed frame");
  }
}

void viewer::on_frame(const frame_view& frame, std::uint64_t now) {
  if (frame.kind == opcode::text)
    on_text(read_server_text(frame.payload), now);
  else if (frame.kind != opcode::close && frame.kind != opcode::ping)
    ++shared_.seen.unexpected;
}

void viewer::on_text(const server_text& text, std::uint64_t now) {
  reception& seen = shared_.seen;
  switch (text.kind) {
    case text_kind::stamped: {
      const std::uint64_t published = text.published.published_ns;
      ++seen.received;
      sequence_.receive(text.published.number);
      if (published >= seen.window_begin_ns && published < seen.window_end_ns)
        latency_.add(now - std::min(now, published));
      break;
    }
    case text_kind::probe:
      if (!std::exchange(probed_, true)) ++seen.probed;
      break;
    case text_kind::ping:
      if (!std::exchange(pinged_, true)) ++seen.pinged;
      if (!shared_.event_stream && !stream_.send_whole(pong_frame()))
        ++seen.unexpected;
      break;
    case text_kind::resumed:
      ++seen.resumed;
      break;
    case text_kind::hangup:
      break;
    case text_kind::other:
      ++seen.unexpected;
      break;
  }
}

void viewer::end(std::string_view why) {
  if (phase_ == phase::open)
    ++shared_.seen.closed;
  else
    ++shared_.seen.failed;
  if (shared_.seen.first_failure.empty()) shared_.seen.first_failure = why;
  stream_.close();
  phase_ = phase::ended;
}

}  // namespace status2::bench
