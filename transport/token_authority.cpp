#include "transport/token_authority.hpp"

#include <algorithm>
#include <utility>

namespace status2::transport {

token_authority::token_authority(token_rules rules, std::string cookie)
    : cookie_(std::move(cookie)),
      rules_(std::make_shared<const token_rules>(std::move(rules))) {}

void token_authority::replace(token_rules rules) {
  auto next = std::make_shared<const token_rules>(std::move(rules));
  {
    const std::lock_guard guard(mutex_);
    rules_.swap(next);
  }
  // Behind the rules: a session that sees the new generation finds them.
  generation_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const token_rules> token_authority::rules() const {
  const std::lock_guard guard(mutex_);
  return rules_;
}

token_verdict token_authority::judge(std::string_view token,
                                     wall_time now) const {
  return judge_token(token, *rules(), now);
}

bool token_authority::trusts(const key_print& key) const {
  const auto current = rules();
  return std::ranges::any_of(
      current->keys, [&](const auto& one) { return one.print() == key; });
}

std::optional<std::string> token_authority::make_ticket(
    token_claims claims, ticket_store::time_point now) {
  const std::lock_guard guard(mutex_);
  return tickets_.add(std::move(claims), now);
}

token_verdict token_authority::take_ticket(std::string_view ticket,
                                           ticket_store::time_point now,
                                           wall_time wall) {
  token_verdict verdict;
  {
    const std::lock_guard guard(mutex_);
    auto claims = tickets_.take(ticket, now);
    if (claims)
      verdict.claims = std::move(*claims);
    else
      verdict.fault = token_fault::ticket;
  }
  if (verdict.fault) return verdict;
  if (expired(verdict.claims.expires, wall))
    verdict.fault = token_fault::expired;
  else if (!trusts(verdict.claims.key))
    verdict.fault = token_fault::revoked;
  return verdict;
}

std::size_t token_authority::tickets() const {
  const std::lock_guard guard(mutex_);
  return tickets_.size();
}

}  // namespace status2::transport
