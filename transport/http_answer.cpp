#include "transport/http_answer.hpp"

#include "transport/accept_key.hpp"

#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

#include <array>
#include <ctime>
#include <utility>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

/// The time of day as `Date` has it. Source: RFC 9110 section 5.6.7.
std::string_view date() {
  thread_local std::time_t second = -1;
  thread_local std::array<char, 64> text{};
  const auto now = std::time(nullptr);
  if (std::exchange(second, now) != now) {
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT",
                  &parts);
  }
  return text.data();
}

template <class Body>
std::string serialised(http::response<Body>& message) {
  message.set(http::field::server, "status2");
  message.set(http::field::date, date());
  http::response_serializer<Body> serializer(message);
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

std::string upgrade_answer(std::string_view accept) {
  http::response<http::empty_body> message(http::status::switching_protocols,
                                           11);
  message.set(http::field::upgrade, "websocket");
  message.set(http::field::connection, "upgrade");
  message.set(http::field::sec_websocket_accept, accept);
  return serialised(message);
}

/// Appends a field behind the value of another one, unless `value` is empty.
void append_field(std::string& text, std::string_view name,
                  std::string_view value) {
  if (value.empty()) return;
  text += "\r\n";
  text += name;
  text += ": ";
  text += value;
}

}  // namespace

http_reply reply_of(refusal why) {
  const auto& row = describe(why);
  http_reply reply;
  reply.status = row.status;
  reply.body = std::string(row.text) + "\n";
  if (row.field != http::field::unknown)
    reply.fields.emplace_back(http::to_string(row.field), row.value);
  return reply;
}

std::string write_answer(http_reply reply, const answer_form& form) {
  http::response<http::string_body> message;
  message.version(form.version);
  message.result(reply.status);
  const bool has_body = message.result() != http::status::not_modified;
  if (has_body) message.set(http::field::content_type, reply.content_type);
  for (const auto& [field, value] : reply.fields)
    message.set(field, value);
  if (has_body) message.content_length(reply.body.size());
  message.keep_alive(form.keep_alive);
  if (message.count(http::field::upgrade) > 0)
    message.insert(http::field::connection, "upgrade");
  if (has_body && !form.head) message.body() = std::move(reply.body);
  return serialised(message);
}

std::string write_head(const http_reply& reply) {
  http::response<http::empty_body> message(http::int_to_status(reply.status),
                                           11);
  message.set(http::field::content_type, reply.content_type);
  for (const auto& [field, value] : reply.fields)
    message.set(field, value);
  message.keep_alive(false);
  return serialised(message);
}

std::string write_switching_protocols(std::string_view client_key,
                                      std::string_view subprotocol,
                                      std::string_view extensions) {
  auto value = accept_key(client_key);
  const auto key_size = value.size();
  // Only these fields differ between the answers of one second.
  thread_local std::time_t second = -1;
  thread_local std::string pattern;
  thread_local std::size_t key_at = 0;
  const auto now = std::time(nullptr);
  if (std::exchange(second, now) != now) {
    pattern = upgrade_answer(value);
    key_at = pattern.find(value);
  }
  append_field(value, "Sec-WebSocket-Protocol", subprotocol);
  append_field(value, "Sec-WebSocket-Extensions", extensions);
  return std::string(pattern).replace(key_at, key_size, value);
}

}  // namespace status2::transport
