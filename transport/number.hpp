/// Whole numbers in texts of clients and operators. Pure.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace status2::transport {

/// Reads `text`, which must be decimal digits and nothing else.
/// Errors: nothing for any other text, an empty one included, and for a number
/// that does not fit into `Number`, which must be unsigned.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto* const last = text.data() + text.size();
  const auto [end, failed] = std::from_chars(text.data(), last, number);
  if (failed != std::errc{} || end != last) return std::nullopt;
  return number;
}

}  // namespace status2::transport
