#include "tests/support/event_source.hpp"

#include <utility>

namespace status2::support {

event_source::event_source(std::uint16_t port, std::string_view target,
                           std::string_view headers, int receive_buffer)
    : connection_(port) {
  if (receive_buffer > 0) connection_.receive_buffer(receive_buffer);
  std::string request = "GET " + std::string(target) + " HTTP/1.1\r\n";
  request += "Host: x\r\nAccept: text/event-stream\r\n";
  request += headers;
  request += "\r\n";
  connection_.send(request);
  answer_ = read_response(connection_, false);
}

std::optional<std::string> event_source::line(
    std::chrono::steady_clock::time_point until) {
  auto& buffer = connection_.buffer();
  for (std::size_t seen = 0;;) {
    const auto end = buffer.find('\n', seen);
    if (end != std::string::npos) {
      auto text = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return text;
    }
    seen = buffer.size();
    if (!connection_.receive(until)) return std::nullopt;
  }
}

void event_source::take(std::string_view name, std::string_view value) {
  if (name == "data")
    data_ += std::string(value) + '\n';
  else if (name == "id")
    last_id_ = value;
  else if (name == "retry")
    retry_ = std::stoi(std::string(value));
}

std::optional<stream_event> event_source::next(std::chrono::nanoseconds wait) {
  const auto until =
      std::chrono::steady_clock::now() +
      std::chrono::duration_cast<std::chrono::milliseconds>(wait);
  while (const auto text = line(until)) {
    if (!text->empty()) {
      const auto colon = text->find(':');
      const std::string_view all = *text;
      auto value = colon == std::string::npos ? "" : all.substr(colon + 1);
      if (value.starts_with(' ')) value.remove_prefix(1);
      take(all.substr(0, colon), value);
    } else if (!data_.empty()) {
      data_.pop_back();
      return stream_event{std::exchange(data_, {}), last_id_};
    }
  }
  return std::nullopt;
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
