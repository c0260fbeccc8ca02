/// Replies of Redis on the wire, for servers in tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace status2::support::resp {

inline std::string text(std::string_view value) {
  return "$" + std::to_string(value.size()) + "\r\n" + std::string(value) +
         "\r\n";
}

inline std::string number(long long value) {
  return ":" + std::to_string(value) + "\r\n";
}

inline const std::string nil = "$-1\r\n";
inline const std::string nil_list = "*-1\r\n";

/// Of replies that are on the wire already.
inline std::string list(const std::vector<std::string>& elements) {
  std::string out = "*" + std::to_string(elements.size()) + "\r\n";
  for (const auto& each : elements)
    out += each;
  return out;
}

inline std::string texts(const std::vector<std::string>& values) {
  std::string out = "*" + std::to_string(values.size()) + "\r\n";
  for (const auto& each : values)
    out += text(each);
  return out;
}

/// One node of CLUSTER SHARDS.
inline std::string shard_node(const std::string& host, int port,
                              const std::string& role,
                              const std::string& health = "online") {
  return list({text("id"), text("0123"), text("port"), number(port), text("ip"),
               text(host), text("endpoint"), text(host), text("role"),
               text(role), text("replication-offset"), number(72156),
               text("health"), text(health)});
}

/// One shard of CLUSTER SHARDS.
inline std::string shard(const std::vector<int>& bounds,
                         const std::vector<std::string>& nodes) {
  std::vector<std::string> slots;
  for (auto each : bounds)
    slots.push_back(number(each));
  return list({text("slots"), list(slots), text("nodes"), list(nodes)});
}

}  // namespace status2::support::resp
