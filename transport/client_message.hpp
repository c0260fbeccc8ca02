/// A text message of a client: whether it is JSON, and its `type`. On the way
/// from transport/client_frames to client_session_impl::act_on. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace status2::transport {

enum class client_message : std::uint8_t {
  init,
  pong,
  auth,      ///< see token_of_auth()
  other,     ///< JSON with another `type`, without a `type`, or not an object
  malformed  ///< not JSON
};

/// Deepest nesting that is read, as in Go's encoding/json. A text with more
/// open arrays and objects is malformed.
inline constexpr std::size_t max_json_depth = 10'000;

/// Reads the `type` of the outermost object. Neither the case of the key nor
/// that of its value matters. If an object has several such keys, the last one
/// counts.
/// Accepts every text of the grammar: numbers of any size and length, and
/// escaped surrogates without their partner.
/// Limits: no heap memory, no recursion, linear time.
/// Source: RFC 8259, RFC 3629 section 4.
client_message parse_client_message(std::string_view text);

/// The member `token` of a message whose type is client_message::auth, as it
/// stands between its quotes. Empty if there is none or it is not a text.
std::string_view token_of_auth(std::string_view text);

}  // namespace status2::transport
