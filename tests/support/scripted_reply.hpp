/// Replies of Redis as short texts, for the machines that read them.
#pragma once

#include "redis/reply_reader.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace status2::support {

/// Appends what `text` stands for: `+a` (subscribed), `-a` (unsubscribed),
/// `a=text` (message), `pong`, `!text` (error).
inline void add_reply(redis::reply_batch& batch, const std::string& text) {
  using redis::reply_kind;
  redis::reply_batch::reply reply;
  const auto keep = [&](std::string_view part, std::uint32_t& at,
                        std::uint32_t& size) {
    at = static_cast<std::uint32_t>(batch.bytes.size());
    size = static_cast<std::uint32_t>(part.size());
    batch.bytes += part;
  };
  const auto equals = text.find('=');
  const std::string_view body(text);
  if (text == "pong") {
    reply.kind = reply_kind::pong;
  } else if (equals != std::string::npos) {
    reply.kind = reply_kind::message;
    keep(body.substr(0, equals), reply.first_at, reply.first_size);
    keep(body.substr(equals + 1), reply.second_at, reply.second_size);
  } else {
    reply.kind = text[0] == '+'   ? reply_kind::subscribed
                 : text[0] == '-' ? reply_kind::unsubscribed
                                  : reply_kind::error;
    keep(body.substr(1), reply.first_at, reply.first_size);
  }
  batch.replies.push_back(reply);
}

}  // namespace status2::support
