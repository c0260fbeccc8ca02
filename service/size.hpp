/// Sizes in bytes as operators write them. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace status2::service {

/// Reads a count of bytes: digits alone, or followed by B, KB (1,024 bytes)
/// or MB (1,048,576 bytes) in any case.
/// Errors: nothing where the text is none, or does not fit.
std::optional<std::size_t> parse_size(std::string_view text);

/// Reads a number without sign or unit.
/// Errors: nothing where the text is none, or does not fit.
std::optional<std::size_t> parse_count(std::string_view text);

}  // namespace status2::service
