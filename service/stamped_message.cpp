#include "service/stamped_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdio>

namespace status2::service {

namespace {

using wall_clock = std::chrono::system_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

}  // namespace

std::string stamped_message(std::uint64_t number, wall_clock::time_point when,
                            std::size_t size) {
  std::array<char, 96> head;
  const auto used =
      std::snprintf(head.data(), head.size(), R"({"seq":%llu,"t":%.3f,"pad":")",
                    static_cast<unsigned long long>(number),
                    milliseconds(when.time_since_epoch()).count());
  std::string text(head.data(), static_cast<std::size_t>(used));
  constexpr std::string_view tail = "\"}";
  if (text.size() + tail.size() < size)
    text.append(size - text.size() - tail.size(), 'x');
  return text.append(tail);
}

std::optional<wall_clock::time_point> stamp_of(std::string_view message) {
  constexpr std::string_view label = R"(,"t":)";
  const auto at = message.find(label);
  if (at == std::string_view::npos) return std::nullopt;
  double ms = 0;
  const auto* first = message.data() + at + label.size();
  const auto [end, error] =
      std::from_chars(first, message.data() + message.size(), ms);
  if (error != std::errc{}) return std::nullopt;
  return wall_clock::time_point(
      std::chrono::duration_cast<wall_clock::duration>(milliseconds(ms)));
}

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto size = static_cast<double>(values.size());
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * size)) - 1;
  const auto at = values.begin() + std::max<std::ptrdiff_t>(rank, 0);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace status2::service
