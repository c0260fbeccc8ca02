/// Durations as operators write them. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace status2::service {

/// Reads Go's duration syntax: an optional sign and a sum of decimals with a
/// unit of h, m, s, ms, us, µs or ns each; a bare 0 as well.
/// Errors: nothing where the text is none, or beyond 292 years.
/// Source: pkg.go.dev/time, ParseDuration.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace status2::service
