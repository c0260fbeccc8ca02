#include "redis/cluster_topology.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

namespace status2::redis {

namespace {

constexpr std::size_t most_nodes = 4096;

/// Why an answer is refused. Never leaves this file.
struct malformed {
  std::string problem;
};

/// CRC16 as XMODEM computes it: polynomial 0x1021, nothing reflected.
constexpr std::array<std::uint16_t, 256> crc_table = [] {
  std::array<std::uint16_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte << 8U;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}();

std::uint16_t crc16(std::string_view bytes) {
  std::uint32_t crc = 0;
  for (unsigned char byte : bytes)
    crc = (crc << 8U & 0xffffU) ^ crc_table[(crc >> 8U) ^ byte];
  return static_cast<std::uint16_t>(crc);
}

const std::vector<answer>& array_of(const answer& from, const char* name) {
  if (!from.is(answer::type::array))
    throw malformed{std::string(name) + " is not a list"};
  return from.elements;
}

std::uint64_t number_of(const answer& from, std::uint64_t most,
                        const char* name) {
  if (!from.is(answer::type::integer) || from.integer < 0 ||
      static_cast<std::uint64_t>(from.integer) > most)
    throw malformed{std::string(name) + " is not a number up to " +
                    std::to_string(most)};
  return static_cast<std::uint64_t>(from.integer);
}

std::uint16_t slot_of(const answer& from) {
  return static_cast<std::uint16_t>(
      number_of(from, cluster_slots - 1, "a slot"));
}

std::uint16_t port_of(const answer& from) {
  return static_cast<std::uint16_t>(number_of(from, 65535, "a port"));
}

/// The value behind `name` in a flat list of names and values; null if it is
/// not there.
const answer* field(const std::vector<answer>& fields, std::string_view name) {
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
    if (fields[i].text == name) return &fields[i + 1];
  return nullptr;
}

/// The host of a node whose endpoint is `preferred`. A node that has no name or
/// address to offer sends nil or an empty text, and `?` instead of a host name
/// that nobody has set.
/// Source: https://redis.io/commands/cluster-slots/
std::string host_of(const answer* preferred, const answer* address,
                    const endpoint& asked) {
  using type = answer::type;
  if (preferred == nullptr || preferred->is(type::nil)) return asked.host;
  if (!preferred->is(type::text)) throw malformed{"an endpoint is not a text"};
  if (preferred->text.empty()) return asked.host;
  if (preferred->text != "?") return preferred->text;
  const bool known = address != nullptr && address->is(type::text) &&
                     !address->text.empty() && address->text != "?";
  return known ? address->text : asked.host;
}

class topology_builder {
 public:
  void add_range(std::uint16_t first, std::uint16_t last,
                 const endpoint& master) {
    if (first > last) throw malformed{"a range of slots ends before it begins"};
    result_.ranges.push_back({first, last, master});
  }
  void add_node(const endpoint& node) {
    if (!known_.insert(node).second) return;
    if (known_.size() > most_nodes) throw malformed{"there are too many nodes"};
    result_.nodes.push_back(node);
  }
  cluster_topology finish() {
    auto& ranges = result_.ranges;
    std::sort(ranges.begin(), ranges.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 1; i < ranges.size(); ++i)
      if (ranges[i].first <= ranges[i - 1].last)
        throw malformed{"two masters serve one slot"};
    if (result_.nodes.empty()) throw malformed{"there is no node"};
    return std::move(result_);
  }

 private:
  cluster_topology result_;
  std::set<endpoint> known_;
};

struct shard_node {
  endpoint where;
  bool master = false;
  bool online = false;  ///< or still loading
};

/// Nothing for a node that does not listen on the port that `tls` chooses.
std::optional<shard_node> read_node(const answer& from, const endpoint& asked,
                                    bool tls) {
  const auto& fields = array_of(from, "a node");
  const auto* port = field(fields, tls ? "tls-port" : "port");
  const auto* role = field(fields, "role");
  const auto* health = field(fields, "health");
  if (role == nullptr || !role->is(answer::type::text))
    throw malformed{"a node has no role"};
  shard_node node;
  node.where.host =
      host_of(field(fields, "endpoint"), field(fields, "ip"), asked);
  node.where.port = port == nullptr ? std::uint16_t{0} : port_of(*port);
  node.master = role->text == "master";
  node.online = health == nullptr || health->text != "fail";
  if (node.where.port == 0) return std::nullopt;
  return node;
}

void read_shard(const answer& from, const endpoint& asked, bool tls,
                topology_builder& into) {
  const auto& fields = array_of(from, "a shard");
  const auto* slots = field(fields, "slots");
  const auto* nodes = field(fields, "nodes");
  if (slots == nullptr || nodes == nullptr)
    throw malformed{"a shard has no slots or no nodes"};
  std::optional<shard_node> master;
  for (const auto& each : array_of(*nodes, "the nodes of a shard")) {
    const auto node = read_node(each, asked, tls);
    if (!node) continue;
    if (node->online) into.add_node(node->where);
    // After a failover the old master may still be listed as one.
    if (node->master && (!master || (node->online && !master->online)))
      master = node;
  }
  const auto& bounds = array_of(*slots, "the slots of a shard");
  if (bounds.size() % 2 != 0) throw malformed{"a range of slots has no end"};
  for (std::size_t i = 0; i < bounds.size(); i += 2) {
    const auto first = slot_of(bounds[i]);
    const auto last = slot_of(bounds[i + 1]);
    if (master) into.add_range(first, last, master->where);
  }
}

endpoint read_slots_node(const answer& from, const endpoint& asked) {
  const auto& parts = array_of(from, "a node");
  if (parts.size() < 2) throw malformed{"a node has no port"};
  const answer* address = nullptr;
  if (parts.size() > 3 && parts[3].is(answer::type::array))
    address = field(parts[3].elements, "ip");
  return {host_of(parts.data(), address, asked), port_of(parts[1])};
}

void read_slots_range(const answer& from, const endpoint& asked,
                      topology_builder& into) {
  const auto& parts = array_of(from, "a range of slots");
  if (parts.size() < 3) throw malformed{"a range of slots has no master"};
  const auto first = slot_of(parts[0]);
  const auto last = slot_of(parts[1]);
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const auto node = read_slots_node(parts[i], asked);
    if (node.port == 0) continue;
    into.add_node(node);
    if (i == 2) into.add_range(first, last, node);
  }
}

template <class Read>
topology_result read_list(const answer& from, Read read) {
  if (from.is(answer::type::error)) return {std::nullopt, from.text};
  try {
    topology_builder into;
    for (const auto& each : array_of(from, "the answer"))
      read(each, into);
    return {into.finish(), {}};
  } catch (const malformed& reason) {
    return {std::nullopt, "malformed topology: " + reason.problem};
  }
}

}  // namespace

std::uint16_t key_slot(std::string_view key) {
  const auto open = key.find('{');
  if (open != std::string_view::npos) {
    const auto close = key.find('}', open + 1);
    if (close != std::string_view::npos && close != open + 1)
      key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % cluster_slots;
}

const endpoint* cluster_topology::master_of(std::uint16_t slot) const {
  const auto next = std::upper_bound(
      ranges.begin(), ranges.end(), slot,
      [](std::uint16_t s, const slot_range& range) { return s < range.first; });
  if (next == ranges.begin() || std::prev(next)->last < slot) return nullptr;
  return &std::prev(next)->master;
}

std::vector<endpoint> cluster_topology::masters() const {
  std::set<endpoint> found;
  for (const auto& range : ranges)
    found.insert(range.master);
  return {found.begin(), found.end()};
}

topology_result read_shards(const answer& from, const endpoint& asked,
                            bool tls) {
  return read_list(from, [&](const answer& each, topology_builder& into) {
    read_shard(each, asked, tls, into);
  });
}

topology_result read_slots(const answer& from, const endpoint& asked) {
  return read_list(from, [&](const answer& each, topology_builder& into) {
    read_slots_range(each, asked, into);
  });
}

std::uint64_t current_epoch(std::string_view info) {
  constexpr std::string_view label = "cluster_current_epoch:";
  std::uint64_t epoch = 0;
  const auto at = info.find(label);
  if (at != std::string_view::npos)
    std::from_chars(info.data() + at + label.size(), info.data() + info.size(),
                    epoch);
  return epoch;
}

bool lost_majority(std::string_view info) {
  const auto says = [&](std::string_view line) {
    const auto at = info.find(line);
    return at != std::string_view::npos &&
           (at + line.size() == info.size() || info[at + line.size()] == '\r');
  };
  return says("cluster_state:fail") &&
         (!says("cluster_slots_pfail:0") || says("cluster_slots_assigned:0"));
}

}  // namespace status2::redis
