/// Judges tokens and tickets for all threads, by rules that can be replaced
/// while the broker runs.
#pragma once

#include "transport/ticket_store.hpp"
#include "transport/token.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// Thread: any, all members.
class token_authority {
 public:
  /// `cookie`: name of the cookie that may carry a token; empty: none may.
  explicit token_authority(token_rules rules, std::string cookie = {});

  const std::string& cookie() const { return cookie_; }

  /// From now on tokens are judged by `rules`. Sessions and tickets whose key
  /// is in them, by its print, go on. Sessions whose key is gone notice it at
  /// their next look and close (close_reason::token_revoked), spread over
  /// session_token::longest_look. Blocks: never for longer than a copy of a
  /// pointer.
  void replace(token_rules rules);
  /// Changes with every replace().
  std::uint64_t generation() const {
    return generation_.load(std::memory_order_acquire);
  }

  token_verdict judge(std::string_view token, wall_time now) const;
  /// Whether a key with this print is among the keys.
  bool trusts(const key_print& key) const;

  /// As ticket_store::add() and take(). A ticket whose key is gone or whose
  /// token has expired does not stand for it any more.
  std::optional<std::string> make_ticket(token_claims claims,
                                         ticket_store::time_point now);
  token_verdict take_ticket(std::string_view ticket,
                            ticket_store::time_point now, wall_time wall);
  std::size_t tickets() const;

 private:
  std::shared_ptr<const token_rules> rules() const;

  const std::string cookie_;
  std::atomic<std::uint64_t> generation_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const token_rules> rules_;
  ticket_store tickets_;
};

}  // namespace status2::transport
