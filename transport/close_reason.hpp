/// Why a session ended: the one table behind close codes, log lines and the
/// label of `status2_sessions_closed_total`.
#pragma once

#include <cstdint>
#include <string_view>

namespace status2::transport {

enum class close_level : std::uint8_t { debug, info, warn };

// clang-format off
/// X(name, close code or 0 where no Close frame is sent, hangup first where
/// STATUS_HANGUP=true, log level, text sent to the client)
#define STATUS2_CLOSE_REASONS(X)                                               \
  X(client_closed,   0,    false, debug, "")                                   \
  X(connection_lost, 0,    false, debug, "")                                   \
  X(protocol_error,  1002, false, info,  "protocol error")                     \
  X(bad_utf8,        1007, false, info,  "invalid UTF-8")                      \
  X(idle,            1008, true,  info,  "idle timeout")                       \
  X(slow_consumer,   1008, true,  warn,  "slow consumer")                      \
  X(memory_limit,    1008, true,  warn,  "out of buffer memory")               \
  X(inbound_limit,   1008, true,  warn,  "out of input memory")                \
  X(message_rate,    1008, true,  info,  "too many messages")                  \
  X(message_timeout, 1008, true,  info,  "message not finished in time")       \
  X(message_too_big, 1009, false, info,  "message too big")                    \
  X(token_expired,   4401, false, info,  "token expired")                      \
  X(token_revoked,   4401, false, info,  "token revoked")                      \
  X(internal_error,  1011, false, warn,  "internal error")                     \
  X(out_of_memory,   1011, false, warn,  "out of memory")                      \
  X(shutdown,        1001, true,  info,  "going away")
// clang-format on

enum class close_reason : std::uint8_t {
#define X(name, code, hangup, level, text) name,
  STATUS2_CLOSE_REASONS(X)
#undef X
};

struct close_row {
  std::string_view label;  ///< as in metrics and logs
  std::uint16_t code;
  bool hangup;
  close_level level;
  std::string_view text;
};

/// The row of `reason`. A shutdown that was preceded by `hangup` closes with
/// 1000 instead (docs/contract.md).
const close_row& describe(close_reason reason);

/// Number of reasons, for arrays indexed by one.
inline constexpr std::size_t close_reason_count = 0
#define X(name, code, hangup, level, text) +1
    STATUS2_CLOSE_REASONS(X)
#undef X
    ;

}  // namespace status2::transport
