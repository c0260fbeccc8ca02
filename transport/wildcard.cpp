#include "transport/wildcard.hpp"

namespace status2::transport {

bool wildcard_match(std::string_view pattern, std::string_view text) {
  const auto first = pattern.find('*');
  if (first == std::string_view::npos) return pattern == text;
  const auto head = pattern.substr(0, first);
  const auto last = pattern.rfind('*');
  const auto tail = pattern.substr(last + 1);
  if (text.size() < head.size() + tail.size() || !text.starts_with(head) ||
      !text.ends_with(tail))
    return false;
  text = text.substr(head.size(), text.size() - head.size() - tail.size());
  // The leftmost place of each part leaves the most for the parts behind it, so
  // that no choice is ever taken back.
  auto middle = pattern.substr(first, last - first);
  while (!middle.empty()) {
    middle.remove_prefix(1);  // the `*`
    const auto part = middle.substr(0, middle.find('*'));
    const auto at = text.find(part);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + part.size());
    middle.remove_prefix(part.size());
  }
  return true;
}

}  // namespace status2::transport
