/// What a connection to Redis that failed has cost. Pure.
#pragma once

#include <cstdint>

namespace status2::redis {

/// What a connection that ended, or was not opened, has cost Redis.
enum class failure_kind : std::uint8_t {
  unreachable,  ///< nothing: nobody answered, or another endpoint is untried
  refused,      ///< a login, or a TLS handshake
};

}  // namespace status2::redis
