/// How much memory the process may use.
#pragma once

#include <cstddef>

namespace status2::service {

/// Bytes: the least of the machine's memory and the limits of the process's
/// control group (version 1 or 2, as a container sees them).
std::size_t memory_limit();

}  // namespace status2::service
