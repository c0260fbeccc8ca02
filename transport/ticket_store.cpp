#include "transport/ticket_store.hpp"

#include "transport/base64url.hpp"

#include <array>
#include <openssl/rand.h>
#include <stdexcept>
#include <utility>

namespace status2::transport {

namespace {

std::string random_ticket() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("OpenSSL has no random bytes");
  return base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::size_t size_of(const token_claims& claims) {
  std::size_t bytes = 0;
  for (const auto& pattern : claims.channels)
    bytes += sizeof pattern + pattern.size();
  return bytes;
}

}  // namespace

ticket_store::ticket_store(std::size_t most, std::size_t most_bytes)
    : most_(most), most_bytes_(most_bytes) {}

std::optional<std::string> ticket_store::add(token_claims claims,
                                             time_point now) {
  expire(now);
  const auto bytes = size_of(claims);
  if (tickets_.size() >= most_ || bytes_ + bytes > most_bytes_)
    return std::nullopt;
  tickets_.push_back(
      {random_ticket(), std::move(claims), bytes, now + lifetime});
  const auto last = std::prev(tickets_.end());
  bytes_ += bytes;
  try {
    by_text_.emplace(last->ticket, last);
  } catch (...) {
    bytes_ -= bytes;
    tickets_.pop_back();
    throw;
  }
  return last->ticket;
}

std::optional<token_claims> ticket_store::take(std::string_view ticket,
                                               time_point now) {
  expire(now);
  const auto found = by_text_.find(ticket);
  if (found == by_text_.end()) return std::nullopt;
  const auto at = found->second;
  auto claims = std::move(at->claims);
  drop(at);
  return claims;
}

void ticket_store::expire(time_point now) {
  while (!tickets_.empty() && tickets_.front().end <= now)
    drop(tickets_.begin());
}

void ticket_store::drop(entries::iterator at) {
  bytes_ -= at->bytes;
  by_text_.erase(at->ticket);
  tickets_.erase(at);
}

}  // namespace status2::transport
