/// Messages that carry their number and their time. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::service {

/// `{"seq":7,"t":1700000000123.456,"pad":"xx"}`, at least `size` bytes long.
/// `t` are milliseconds since 1970.
std::string stamped_message(std::uint64_t number,
                            std::chrono::system_clock::time_point when,
                            std::size_t size);
/// The `t` of such a message. Errors: nothing where there is none.
std::optional<std::chrono::system_clock::time_point> stamp_of(
    std::string_view message);

/// The smallest of `values` that `share` of them do not exceed; 0 of none.
/// Orders `values`.
double percentile(std::vector<double>& values, double share);

}  // namespace status2::service
