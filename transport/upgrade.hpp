/// What is known of a client once its request asked for a channel: handed from
/// the listener to the thread that will serve it.
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/refusal.hpp"
#include "transport/session_token.hpp"
#include "transport/watch_options.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace status2::transport {

/// The two halves of `<run>:<channel>`, validated and decoded.
struct channel_name {
  std::string full;  ///< the Redis channel, `<run>:<channel>`
  std::size_t run_length = 0;
  std::string_view run() const {
    return std::string_view(full).substr(0, run_length);
  }
  std::string_view channel() const {
    return std::string_view(full).substr(run_length + 1);
  }
};

/// A validated request for a channel, whose answer is not sent yet.
struct upgrade_request {
  byte_stream stream;       ///< its socket is in no event loop
  std::string key;          ///< Sec-WebSocket-Key; empty: an event stream
  std::string subprotocol;  ///< for the answer; empty: none
  std::string extensions;   ///< likewise
  std::string origin;       ///< of the page that reads an event stream
  std::string leftover;     ///< bytes that came after the header
  channel_name channel;
  watch_options options;
  std::string remote;           ///< `ip:port`
  std::shared_ptr<void> place;  ///< among the admitted; freed when it goes
  std::unique_ptr<session_token> token{};  ///< null: no token was needed
};

/// Refuses `request` and closes its connection. Blocks: never.
void turn_away(upgrade_request request, refusal why);

}  // namespace status2::transport
