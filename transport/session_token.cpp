#include "transport/session_token.hpp"

#include "transport/token_authority.hpp"

#include <utility>

namespace status2::transport {

session_token::session_token(std::shared_ptr<const token_authority> authority,
                             std::uint64_t generation,
                             const token_claims& claims, std::string channel)
    : authority_(std::move(authority)),
      generation_(generation),
      expires_(claims.expires),
      key_(claims.key),
      channel_(std::move(channel)) {}

std::optional<close_reason> session_token::judge(wall_time now) {
  if (expired(expires_, now)) return close_reason::token_expired;
  const auto generation = authority_->generation();
  if (generation != generation_) {
    if (!authority_->trusts(key_)) return close_reason::token_revoked;
    generation_ = generation;
  }
  return std::nullopt;
}

std::optional<token_fault> session_token::renew(std::string_view token,
                                                wall_time now) {
  const auto generation = authority_->generation();
  const auto verdict = authority_->judge(token, now);
  if (verdict.fault) return verdict.fault;
  if (!verdict.claims.opens(channel_)) return token_fault::channel;
  generation_ = generation;
  expires_ = verdict.claims.expires;
  key_ = verdict.claims.key;
  return std::nullopt;
}

std::chrono::nanoseconds session_token::until_look(wall_time now) const {
  return time_left(expires_, now, longest_look);
}

}  // namespace status2::transport
