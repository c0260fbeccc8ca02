/// The token by which a session was let in: when it has to go, and how it is
/// renewed. Only sessions with a token have one. Pure: the time comes in as an
/// argument.
#pragma once

#include "transport/close_reason.hpp"
#include "transport/token.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

class token_authority;

/// Thread: one, that of its session.
class session_token {
 public:
  /// The session looks at its token at least so often: a key may be gone, or
  /// the wall clock may have been set.
  static constexpr std::chrono::seconds longest_look{5};

  /// `generation`: that of the authority before it judged the token.
  session_token(std::shared_ptr<const token_authority> authority,
                std::uint64_t generation, const token_claims& claims,
                std::string channel);

  /// Why the session has to go now; nothing: it stays.
  std::optional<close_reason> judge(wall_time now);
  /// Takes `token` in place of the present one, if it is good and opens the
  /// channel. Errors: why not; the present one stays.
  std::optional<token_fault> renew(std::string_view token, wall_time now);
  /// How long judge() may wait.
  std::chrono::nanoseconds until_look(
      wall_time now = wall_time::clock::now()) const;

  /// When the session looks next, for the session's own use.
  std::chrono::steady_clock::time_point next_look{};

 private:
  std::shared_ptr<const token_authority> authority_;
  std::uint64_t generation_;
  token_time expires_;
  key_print key_;
  std::string channel_;
};

}  // namespace status2::transport
