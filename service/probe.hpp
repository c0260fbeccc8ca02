/// `status2 --check-config --probe`: tries everything that the broker needs
/// from Redis, with the broker's own configuration.
#pragma once

#include "service/configuration.hpp"

#include <iosfwd>

namespace status2::service {

/// Connects, logs in, subscribes to a channel as the canary's, publishes to it
/// and reads the message. Writes one line per step to `out`, `<step>: ok` or
/// `<step>: failed: <reason>`, and stops at the first failure. Commands that
/// the broker can do without are tried too; `<step>: refused: <reason>` is no
/// failure. Returns whether nothing failed.
/// Blocks: at most STATUS_REDIS_REQUEST_TIMEOUT per step.
bool probe(const configuration& values, std::ostream& out);

}  // namespace status2::service
