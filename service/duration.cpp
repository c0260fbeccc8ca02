#include "service/duration.hpp"

#include <array>
#include <cstdint>
#include <limits>

namespace status2::service {

namespace {

using wide = unsigned __int128;

struct unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

// Longer names first, so that "ms" is not read as minutes. Both code points
// of the micro sign are in use.
constexpr std::array units{unit{"\u00b5s", 1'000},
                           unit{"\u03bcs", 1'000},
                           unit{"ns", 1},
                           unit{"us", 1'000},
                           unit{"ms", 1'000'000},
                           unit{"s", 1'000'000'000},
                           unit{"m", 60'000'000'000ULL},
                           unit{"h", 3'600'000'000'000ULL}};

constexpr std::uint64_t most =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes `12`, `12.5` or `.5` off `text`: the whole part, and the fraction as
/// digits over a power of ten.
struct decimal {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;
  std::uint64_t scale = 1;
};

std::optional<decimal> take_decimal(std::string_view& text) {
  decimal value;
  bool any = false;
  while (!text.empty() && is_digit(text.front())) {
    const auto next = wide{value.whole} * 10 + (text.front() - '0');
    if (next > most) return std::nullopt;
    value.whole = static_cast<std::uint64_t>(next);
    text.remove_prefix(1);
    any = true;
  }
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    while (!text.empty() && is_digit(text.front())) {
      // Digits below a nanosecond of an hour change nothing.
      if (value.scale < 1'000'000'000'000'000ULL) {
        value.fraction = value.fraction * 10 + (text.front() - '0');
        value.scale *= 10;
      }
      text.remove_prefix(1);
      any = true;
    }
  }
  if (!any) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> take_unit(std::string_view& text) {
  for (const auto& candidate : units) {
    if (!text.starts_with(candidate.name)) continue;
    text.remove_prefix(candidate.name.size());
    return candidate.nanoseconds;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  bool negative = false;
  if (text.starts_with('-') || text.starts_with('+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return std::chrono::nanoseconds{0};
  if (text.empty()) return std::nullopt;
  wide total = 0;
  while (!text.empty()) {
    const auto number = take_decimal(text);
    if (!number) return std::nullopt;
    const auto scale = take_unit(text);
    if (!scale) return std::nullopt;
    total += wide{number->whole} * *scale +
             wide{number->fraction} * *scale / number->scale;
    if (total > most) return std::nullopt;
  }
  const auto count = static_cast<std::int64_t>(total);
  return std::chrono::nanoseconds{negative ? -count : count};
}

}  // namespace status2::service
