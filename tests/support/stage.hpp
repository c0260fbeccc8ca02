/// A Redis and a broker beside it: where most end-to-end tests begin.
#pragma once

#include "tests/support/broker_process.hpp"
#include "tests/support/redis_server.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace status2::support {

struct stage {
  explicit stage(environment variables = {})
      : broker(redis, {.variables = std::move(variables)}) {}

  viewer view(std::string_view channel) { return broker.view(channel); }

  redis_server redis;
  broker_process broker;
};

/// Viewers of one channel that miss nothing from here on. Errors: throws if
/// one gets no answer to its init.
std::vector<viewer> live_viewers(broker_process& broker,
                                 const std::string& channel, std::size_t count);

/// How many of `viewers` have `payload` as their next message.
std::size_t receivers(std::vector<viewer>& viewers, std::string_view payload);

}  // namespace status2::support
