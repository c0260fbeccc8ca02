/// Reasons for which a token does not open a channel: the one table behind
/// answers, log lines and the label of `status2_tokens_refused_total`.
#pragma once

#include "transport/refusal.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace status2::transport {

// clang-format off
/// X(name, the refusal that a request is answered with, text for the log)
#define STATUS2_TOKEN_FAULTS(X)                                               \
  X(missing, token_missing, "the request carries no token")                   \
  X(malformed, token,                                                         \
    "the token is not three parts in base64url, or its header is no JSON "    \
    "object with a known form")                                               \
  X(critical, token, "the header has `crit`: an extension is not understood") \
  X(algorithm, token, "no key is for the algorithm of the header")            \
  X(key, token, "no key goes with the `kid` of the header")                   \
  X(signature, token, "the signature is wrong")                               \
  X(claims, token, "the payload is no JSON object, or a claim has a wrong "   \
    "type")                                                                   \
  X(expired, token, "the token has expired")                                  \
  X(too_early, token, "the token is not valid yet")                           \
  X(issuer, token, "the issuer is not STATUS_JWT_ISSUER")                     \
  X(audience, token, "the audience is not STATUS_JWT_AUDIENCE")               \
  X(no_channels, token, "the claim status2 is missing")                       \
  X(channel, token_channel, "the claim status2 does not list the channel")    \
  X(ticket, token, "the ticket is unknown, used or older than 30 s")          \
  X(revoked, token, "the key behind the ticket is gone")
// clang-format on

enum class token_fault : std::uint8_t {
#define X(name, refusal, text) name,
  STATUS2_TOKEN_FAULTS(X)
#undef X
};

/// Number of faults, for arrays indexed by one.
inline constexpr std::size_t token_fault_count = 0
#define X(name, refusal, text) +1
    STATUS2_TOKEN_FAULTS(X)
#undef X
    ;

struct token_fault_row {
  std::string_view label;  ///< in metrics, and in answers to `auth`
  refusal answer;
  std::string_view text;
};

const token_fault_row& describe(token_fault why);

}  // namespace status2::transport
