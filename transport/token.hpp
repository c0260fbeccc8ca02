/// Judges a token (JWT): whose it is, until when it is good and which channels
/// it opens. Pure: the time comes in as an argument.
/// Source: RFC 7519, RFC 7515, RFC 8725.
#pragma once

#include "transport/token_fault.hpp"
#include "transport/token_keys.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

using wall_time = std::chrono::system_clock::time_point;

/// What tokens are judged by.
struct token_rules {
  token_keys keys;
  std::string issuer;    ///< empty: any
  std::string audience;  ///< empty: any
};

/// Clocks of issuer and broker may differ by so much.
inline constexpr std::chrono::seconds token_leeway{30};

/// Seconds since 1970 at which a token expires or begins. Of any size: an
/// issuer may mean "never".
using token_time = std::int64_t;
inline constexpr token_time token_never = INT64_MAX;

/// What a token says, once its signature was found right.
struct token_claims {
  token_time expires = token_never;
  key_print key{};                    ///< that signed it
  std::vector<std::string> channels;  ///< patterns with `*`

  /// Whether one of the patterns is for `channel`, `<run>:<channel>`.
  bool opens(std::string_view channel) const;
};

/// Whether a token that expires at `expires` has, at `now`, leeway included.
bool expired(token_time expires, wall_time now);

/// Time from `now` until expired() holds; at most `longest`, at least 0.
std::chrono::nanoseconds time_left(token_time expires, wall_time now,
                                   std::chrono::nanoseconds longest);

struct token_verdict {
  std::optional<token_fault> fault;  ///< nothing: the token is good
  /// Claims of a token whose signature is right, as far as they could be read.
  token_claims claims;
  // For `status2 token explain`. Not for the log: the client chose them.
  std::string algorithm;
  std::string key_id;
};

/// Judges `token`, channels apart: token_claims::opens() is the caller's.
/// A token with a `kid` is verified by the key of that name, if there is one,
/// else by keys without a name; a token without a `kid` by keys without a name,
/// or by the only key that there is.
/// Errors: token_verdict::fault.
token_verdict judge_token(std::string_view token, const token_rules& rules,
                          wall_time now);

}  // namespace status2::transport
