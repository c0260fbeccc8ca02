#include "service/configuration_change.hpp"

#include "service/configuration_keys.hpp"

#include <algorithm>
#include <type_traits>
#include <variant>

namespace status2::service {

namespace {

/// Whether the key says how Redis is reached.
bool leads_to_redis(std::string_view variable) {
  return variable.starts_with("REDIS_") ||
         variable.starts_with("STATUS_REDIS_");
}

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
  const auto copy_entry = [&](const auto& from, auto& to) {
    const auto found = from.find(row.variable);
    if (found != from.end()) to[found->first] = found->second;
  };
  copy_entry(running.origins, next.origins);
  copy_entry(running.fingerprints, next.fingerprints);
}

bool is_tls_of_clients(std::string_view variable) {
  return variable.starts_with("STATUS_TLS_");
}

bool is_of_tokens(std::string_view variable) {
  return variable.starts_with("STATUS_JWT_");
}

/// Members of the configuration that follow from these keys.
void keep_redis(const load_result& running, load_result& next) {
  next.values.redis = running.values.redis;
  next.values.redis_url = running.values.redis_url;
  next.values.redis_tls = running.values.redis_tls;
}

}  // namespace

bool differs(const load_result& running, const load_result& next,
             std::string_view variable) {
  return value_in(running.origins, variable).text !=
             value_in(next.origins, variable).text ||
         value_in(running.fingerprints, variable) !=
             value_in(next.fingerprints, variable);
}

bool redis_differs(const load_result& running, const load_result& next) {
  return std::any_of(keys().begin(), keys().end(), [&](const key& row) {
    return row.on_reload == reload::live && leads_to_redis(row.variable) &&
           differs(running, next, row.variable);
  });
}

configuration_change compare(const load_result& running, load_result& next) {
  configuration_change change;
  const bool in_cluster =
      running.values.redis.kind == redis::topology::cluster ||
      next.values.redis.kind == redis::topology::cluster;
  // A port changes its certificates, and does not turn to TLS or from it.
  const bool tls_toggled = !running.values.tls != !next.values.tls;
  // So is the need for tokens: who is connected has none.
  const bool tokens_toggled =
      running.values.jwt_keys.empty() != next.values.jwt_keys.empty();
  bool tls_differs = false;
  for (const auto& row : keys()) {
    if (!differs(running, next, row.variable)) continue;
    tls_differs |= is_tls_of_clients(row.variable);
    // Between the nodes of a cluster no order of messages is known.
    const bool redis_stays = in_cluster && leads_to_redis(row.variable);
    if (redis_stays) keep_redis(running, next);
    const bool stays = redis_stays ||
                       (tls_toggled && is_tls_of_clients(row.variable)) ||
                       (tokens_toggled && is_of_tokens(row.variable));
    const bool now = row.on_reload == reload::live && !stays;
    (now ? change.live : change.restart).emplace_back(row.variable);
    if (!now) keep(row, running, next);
  }
  // The same files: clients go on with the sessions that they have.
  if (tls_toggled || !tls_differs) next.values.tls = running.values.tls;
  if (tokens_toggled) next.values.jwt_keys = running.values.jwt_keys;
  return change;
}

}  // namespace status2::service
