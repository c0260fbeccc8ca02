/// What this binary is.
#pragma once

#include <string_view>

namespace status2::service {

std::string_view version();  ///< such as `2.0.0`
std::string_view commit();   ///< short hash, `unknown` outside of a release

}  // namespace status2::service
