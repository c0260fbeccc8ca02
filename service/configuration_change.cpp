#include "service/configuration_change.hpp"

#include "service/configuration_keys.hpp"

#include <type_traits>
#include <variant>

namespace status2::service {

namespace {

template <class Map>
auto value_in(const Map& values, std::string_view variable) {
  const auto found = values.find(variable);
  return found == values.end() ? typename Map::mapped_type() : found->second;
}

void keep(const key& row, const load_result& running, load_result& next) {
  const auto copy = [&](auto member) {
    if constexpr (!std::is_same_v<decltype(member), std::monostate>)
      next.values.*member = running.values.*member;
  };
  std::visit(copy, row.member);
  const auto origin = running.origins.find(row.variable);
  if (origin != running.origins.end())
    next.origins[origin->first] = origin->second;
}

}  // namespace

bool differs(const load_result& running, const load_result& next,
             std::string_view variable) {
  return value_in(running.origins, variable).text !=
             value_in(next.origins, variable).text ||
         value_in(running.fingerprints, variable) !=
             value_in(next.fingerprints, variable);
}

configuration_change compare(const load_result& running, load_result& next) {
  configuration_change change;
  for (const auto& row : keys()) {
    if (!differs(running, next, row.variable)) continue;
    const bool now = row.on_reload == reload::live;
    (now ? change.live : change.restart).emplace_back(row.variable);
    if (!now) keep(row, running, next);
  }
  return change;
}

}  // namespace status2::service
