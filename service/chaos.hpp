/// `status2 chaos`: speaks to the chaos door of a broker on this machine.
#pragma once

#include "service/configuration.hpp"
#include "service/options.hpp"

#include <iosfwd>
#include <string>

namespace status2::service {

/// Asks the broker at the configured address with the configured token and
/// prints its answer. Blocks: at most 30 s. Errors: a line; empty if all went
/// well.
std::string chaos(const configuration& values, const options& chosen,
                  std::ostream& out);

}  // namespace status2::service
