/// `status2 healthcheck`, for containers without a shell.
#pragma once

#include "service/configuration.hpp"

#include <string>

namespace status2::service {

/// Asks for /health at the first address of STATUS_LISTEN_ADDR, over loopback
/// if that means every address. Blocks: at most 3 s. Errors: a line that says
/// what went wrong; empty if a broker answered 200.
std::string healthcheck(const configuration& values);

}  // namespace status2::service
