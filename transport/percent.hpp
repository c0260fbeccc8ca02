/// Percent-encoding of paths and queries. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// `text` with each `%` and two hexadecimal digits turned into its byte.
/// Errors: nothing if a `%` has no two digits behind it.
/// Source: RFC 3986 section 2.1.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace status2::transport
