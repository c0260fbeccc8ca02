/// What differs between the running configuration and one that was read again.
/// Pure.
#pragma once

#include "service/configuration.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace status2::service {

/// Variables in the order of the table.
struct configuration_change {
  std::vector<std::string> live;     ///< are used from now on
  std::vector<std::string> restart;  ///< wait for a restart
};

/// Whether `variable`, what its file holds or the secret in it differs.
bool differs(const load_result& running, const load_result& next,
             std::string_view variable);

/// Whether Redis is to be reached in another way: another URL, login or file.
bool redis_differs(const load_result& running, const load_result& next);

/// Compares each key, and gives `next` the running value of those that need a
/// restart. With a cluster, before or after, all keys of Redis do,
/// and those of TLS for clients or of tokens if that is turned on or off.
configuration_change compare(const load_result& running, load_result& next);

}  // namespace status2::service
