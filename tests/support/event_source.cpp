#include "tests/support/event_source.hpp"

#include <utility>

namespace status2::support {

event_source::event_source(std::uint16_t port, std::string_view target,
                           std::string_view headers, int receive_buffer)
    : event_source(tcp_client(port), target, headers, receive_buffer) {}

event_source::event_source(tcp_client connection, std::string_view target,
                           std::string_view headers, int receive_buffer)
    : connection_(std::move(connection)) {
  if (receive_buffer > 0) connection_.receive_buffer(receive_buffer);
  std::string request = "GET " + std::string(target) + " HTTP/1.1\r\n";
  request += "Host: x\r\nAccept: text/event-stream\r\n";
  request += headers;
  request += "\r\n";
  connection_.send(request);
  answer_ = read_response(connection_, false);
}

std::optional<stream_event> event_source::next(std::chrono::nanoseconds wait) {
  const auto until =
      std::chrono::steady_clock::now() +
      std::chrono::duration_cast<std::chrono::milliseconds>(wait);
  for (;;) {
    parser_.feed(std::exchange(connection_.buffer(), {}),
                 [this](const std::string& data) {
                   events_.push_back({data, parser_.last_id()});
                 });
    if (!events_.empty()) break;
    if (!connection_.receive(until)) {
      last_id_ = parser_.last_id();
      return std::nullopt;
    }
  }
  auto first = std::move(events_.front());
  events_.pop_front();
  last_id_ = first.last_id;
  return first;
}

std::string event_source::next_message(std::chrono::nanoseconds wait) {
  constexpr std::string_view ping = R"({"type":"ping"})";
  const auto until = std::chrono::steady_clock::now() + wait;
  while (const auto event = next(until - std::chrono::steady_clock::now()))
    if (event->data != ping) return event->data;
  return {};
}

bool event_source::ended(std::chrono::nanoseconds wait) {
  const auto until = std::chrono::steady_clock::now() + wait;
  while (next(until - std::chrono::steady_clock::now())) {
  }
  return connection_.closed();
}

}  // namespace status2::support
