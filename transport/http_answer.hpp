/// The one writer of HTTP answers: pages, refusals and the 101 of a WebSocket.
#pragma once

#include "transport/refusal.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace status2::transport {

struct http_reply {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  /// Names and values of more header fields than every answer has.
  std::vector<std::pair<std::string, std::string>> fields{};
};

/// Facts about a request that shape its answer.
struct answer_form {
  unsigned version = 11;  ///< 10 or 11
  bool head = false;      ///< the answer has no body
  bool keep_alive = false;
};

http_reply reply_of(refusal why);

/// The bytes of an answer, with `Date` and `Server`. One with status 304 has
/// neither a body nor facts about it. Thread: any.
std::string write_answer(http_reply reply, const answer_form& form);

/// The head of an answer whose body has no known length and ends with the
/// connection; `reply.body` is left out. Thread: any.
std::string write_head(const http_reply& reply);

/// The bytes of 101 Switching Protocols for `Sec-WebSocket-Key: client_key`,
/// with a subprotocol and extensions unless they are empty.
/// Errors: throws if OpenSSL has no SHA-1. Source: RFC 6455 section 4.2.2.
std::string write_switching_protocols(std::string_view client_key,
                                      std::string_view subprotocol = {},
                                      std::string_view extensions = {});

}  // namespace status2::transport
