/// `status2 healthcheck`, for containers without a shell.
#pragma once

#include <string>

namespace status2::service {

/// Asks for /health at `listen_addr`, over loopback where that means every
/// address. Blocks: at most 3 s. Errors: a line that says what went wrong;
/// empty if a broker answered 200.
std::string healthcheck(const std::string& listen_addr);

}  // namespace status2::service
