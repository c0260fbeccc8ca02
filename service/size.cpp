#include "service/size.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <charconv>
#include <limits>

namespace status2::service {

std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<std::size_t> parse_size(std::string_view text) {
  const auto digits = text.find_first_not_of("0123456789");
  std::size_t scale = 1;
  if (digits != std::string_view::npos) {
    const auto unit = text.substr(digits);
    if (boost::iequals(unit, "KB")) {
      scale = 1024;
    } else if (boost::iequals(unit, "MB")) {
      scale = std::size_t{1024} * 1024;
    } else if (!boost::iequals(unit, "B")) {
      return std::nullopt;
    }
    text = text.substr(0, digits);
  }
  const auto count = parse_count(text);
  if (!count || *count > std::numeric_limits<std::size_t>::max() / scale)
    return std::nullopt;
  return *count * scale;
}

}  // namespace status2::service
