/// `status2` without a verb: the broker in a process of its own.
#pragma once

#include "service/configuration.hpp"

namespace status2::service {

/// Starts logging, says what is worth a warning, takes all descriptors that it
/// may, and serves what is `loaded`. `again` is for reloads. Blocks: until a
/// signal ends it. Returns an exit code.
/// Errors: why it could not serve is in the log.
int serve(load_result loaded, const configuration_loader& again);

}  // namespace status2::service
