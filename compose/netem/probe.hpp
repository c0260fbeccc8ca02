#pragma once

// Which ways to delay packets work in this kernel, found by trying.

#include <string>

namespace status2::netem {

/// Two lines: `nfqueue yes` or `nfqueue no: why`, and the same for `tc`. What
/// was tried is gone afterwards.
std::string probe_backends();

}  // namespace status2::netem
