/// `status2 publish`: a producer, for trying things out.
#pragma once

#include "service/configuration.hpp"

#include <iosfwd>
#include <string>

namespace status2::service {

/// Publishes `text` to the Redis channel `channel`; for `-` each line of
/// `input` instead, a message a line. Blocks: until Redis has answered for all,
/// each within redis_request_timeout.
/// Errors: a line that says what went wrong; empty if all were published.
std::string publish(const configuration& values, const std::string& channel,
                    const std::string& text, std::istream& input);

}  // namespace status2::service
