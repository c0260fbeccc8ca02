/// `status2 token explain`: whether a token opens a channel, and why.
#pragma once

#include "service/configuration.hpp"

#include <iosfwd>
#include <string>

namespace status2::service {

/// Reads a token from `in` and says on `out` whether it opens `channel` now,
/// for what reason, and what it holds; never the token itself. Returns whether
/// it does. Needs the keys of STATUS_JWT_KEY_FILE.
bool explain_token(const configuration& values, const std::string& channel,
                   std::istream& in, std::ostream& out);

}  // namespace status2::service
