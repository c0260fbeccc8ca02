/// Patterns in which `*` stands for any bytes. Pure.
#pragma once

#include <string_view>

namespace status2::transport {

/// Whether `text` is what `pattern` describes. Nothing but `*` is special, and
/// case counts. Takes time in proportion to both lengths, whatever the pattern.
bool wildcard_match(std::string_view pattern, std::string_view text);

}  // namespace status2::transport
