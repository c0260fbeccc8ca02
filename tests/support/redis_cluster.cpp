#include "tests/support/redis_cluster.hpp"

#include "tests/support/eventually.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace {

using namespace std::chrono_literals;

constexpr auto publish_patience = 1s;
constexpr std::uint16_t slot_count = 16384;

redis_reply checked(redis_reply reply) {
  if (reply.error) throw std::runtime_error(reply.text);
  return reply;
}

/// Where the connections of a node to others come from, so that gates can
/// tell nodes apart.
std::string address_of(std::size_t index) {
  return "127.0.1." + std::to_string(index + 1);
}

std::string first_slot(std::size_t master) {
  return std::to_string(slot_count * master / redis_cluster::master_count);
}

std::string last_slot(std::size_t master) {
  return std::to_string(
      slot_count * (master + 1) / redis_cluster::master_count - 1);
}

bool says(const redis_reply& info, std::string_view line) {
  return info.text.find(line) != std::string::npos;
}

}  // namespace

redis_cluster::redis_cluster() {
  for (std::size_t i = 0; i < size; ++i)
    start_node(i);
  join_all();
}

void redis_cluster::start_node(std::size_t index) {
  auto& made = nodes_[index];
  made.server =
      std::make_unique<redis_server>(redis_options{.more = [index, &made] {
        const auto bus = free_port();
        made.bus = std::make_unique<fault_gate>(bus);
        std::ostringstream text;
        text << "cluster-enabled yes\ncluster-node-timeout 1500\n"
             << "cluster-port " << bus << "\ncluster-announce-ip 127.0.0.1\n"
             << "cluster-announce-bus-port " << made.bus->port()
             << '\n'
             // Protected mode takes no other loopback address than 127.0.0.1.
             << "bind-source-addr " << address_of(index)
             << "\nprotected-mode no\n"
             << "cluster-allow-replica-migration no\n"
             << "cluster-replica-validity-factor 0\n"
             << "repl-diskless-sync-delay 0\n";
        return text.str();
      }});
  made.id = ask(index, {"CLUSTER", "MYID"}).text;
}

void redis_cluster::join_all() {
  for (std::size_t i = 0; i < master_count; ++i) {
    ask(i, {"CLUSTER", "ADDSLOTSRANGE", first_slot(i), last_slot(i)});
    ask(i, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
  }
  for (std::size_t i = 1; i < size; ++i)
    ask(0, {"CLUSTER", "MEET", "127.0.0.1", std::to_string(node(i).port()),
            std::to_string(nodes_[i].bus->port())});
  const auto knows_all = [this](std::size_t index) {
    const auto known = ask(index, {"CLUSTER", "NODES"});
    return !says(known, "handshake") &&
           std::all_of(nodes_.begin(), nodes_.end(),
                       [&](const auto& each) { return says(known, each.id); });
  };
  for (std::size_t i = 0; i < size; ++i)
    if (!eventually(30s, [&] { return knows_all(i); }))
      throw std::runtime_error("the cluster's nodes do not meet");
  for (std::size_t i = master_count; i < size; ++i)
    ask(i, {"CLUSTER", "REPLICATE", nodes_[i - master_count].id});
  const bool complete =
      serves() && eventually(30s, [this] {
        return replicates(3) && replicates(4) && replicates(5);
      });
  if (!complete) throw std::runtime_error("the cluster does not serve");
}

std::string redis_cluster::url() const {
  std::string hosts;
  for (const auto& each : nodes_)
    hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") +
             std::to_string(each.server->port());
  return "redis-cluster://" + hosts + '/';
}

void redis_cluster::kill(std::size_t index) {
  node(index).kill();
  nodes_[index].publisher.reset();
}

void redis_cluster::start(std::size_t index) {
  node(index).start();
}

void redis_cluster::freeze(std::size_t index) {
  nodes_.at(index).frozen = true;
  node(index).freeze();
}

void redis_cluster::thaw(std::size_t index) {
  node(index).thaw();
  nodes_.at(index).frozen = false;
}

void redis_cluster::isolate(std::size_t index) {
  nodes_.at(index).isolated = true;
  for (std::size_t i = 0; i < size; ++i)
    if (i != index) nodes_[i].bus->refuse_from(address_of(index), true);
  nodes_[index].bus->refuse(true);
  nodes_[index].bus->reset();
}

void redis_cluster::rejoin(std::size_t index) {
  for (auto& each : nodes_)
    each.bus->refuse_from(address_of(index), false);
  nodes_.at(index).bus->refuse(false);
  nodes_[index].isolated = false;
}

bool redis_cluster::fails_over(std::size_t replica) {
  if (says(ask(replica, {"ROLE"}).items.at(0), "master")) return true;
  const auto now = std::chrono::steady_clock::now();
  if (now - failover_asked_ > 6s) {
    failover_asked_ = now;
    ask(replica, {"CLUSTER", "FAILOVER"});
  }
  return false;
}

void redis_cluster::move_slot(std::uint16_t slot, std::size_t to) {
  const auto from = owner(slot);
  const auto number = std::to_string(slot);
  const auto& target = nodes_.at(to).id;
  ask(to, {"CLUSTER", "SETSLOT", number, "IMPORTING", nodes_[from].id});
  ask(from, {"CLUSTER", "SETSLOT", number, "MIGRATING", target});
  ask(to, {"CLUSTER", "SETSLOT", number, "NODE", target});
  ask(from, {"CLUSTER", "SETSLOT", number, "NODE", target});
  for (std::size_t i = 0; i < size; ++i)
    if (i != to && i != from && usable(i) &&
        says(ask(i, {"ROLE"}).items.at(0), "master"))
      ask(i, {"CLUSTER", "SETSLOT", number, "NODE", target});
}

/// CRC16 with the polynomial 0x1021. Source: redis.io, "Redis cluster
/// specification", key distribution model.
std::uint16_t redis_cluster::slot_of(std::string_view channel) {
  if (const auto open = channel.find('{'); open != std::string_view::npos) {
    const auto close = channel.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1)
      channel = channel.substr(open + 1, close - open - 1);
  }
  unsigned crc = 0;
  for (const char letter : channel) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(letter)) << 8;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 0x8000U) != 0 ? (crc << 1 ^ 0x1021U) : crc << 1;
    crc &= 0xFFFFU;
  }
  return static_cast<std::uint16_t>(crc % slot_count);
}

std::map<std::uint16_t, std::size_t> redis_cluster::owners_seen_by(
    std::size_t index) {
  std::map<std::uint16_t, std::size_t> owners;
  std::int64_t covered = 0;
  for (const auto& range : ask(index, {"CLUSTER", "SLOTS"}).items) {
    const auto port = range.items.at(2).items.at(1).number;
    owners[static_cast<std::uint16_t>(range.items.at(0).number)] =
        node_on(static_cast<std::uint16_t>(port));
    covered += range.items.at(1).number - range.items.at(0).number + 1;
  }
  if (covered != slot_count) owners.clear();
  return owners;
}

std::size_t redis_cluster::owner(std::uint16_t slot) {
  const auto owners = owners_seen_by(any_usable());
  if (owners.empty()) throw std::runtime_error("slots without an owner");
  return std::prev(owners.upper_bound(slot))->second;
}

bool redis_cluster::serves(std::chrono::nanoseconds deadline) {
  return eventually(deadline, [this] {
    const auto owners = owners_seen_by(any_usable());
    if (owners.empty()) return false;
    for (const auto& [slot, index] : owners)
      if (!usable(index)) return false;
    for (std::size_t i = 0; i < size; ++i)
      if (usable(i) && (!state_ok(i) || owners_seen_by(i) != owners))
        return false;
    return true;
  });
}

bool redis_cluster::state_ok(std::size_t index) {
  return says(ask(index, {"CLUSTER", "INFO"}), "cluster_state:ok");
}

bool redis_cluster::replicates(std::size_t index) {
  return says(ask(index, {"INFO", "replication"}), "master_link_status:up");
}

std::int64_t redis_cluster::counted(std::size_t index, const std::string& what,
                                    const std::string& channel) {
  if (!usable(index)) return 0;
  return ask(index, {"PUBSUB", what, channel}).items.at(1).number;
}

std::int64_t redis_cluster::subscribers(std::size_t index,
                                        const std::string& channel) {
  return counted(index, "NUMSUB", channel);
}

std::int64_t redis_cluster::sharded_subscribers(std::size_t index,
                                                const std::string& channel) {
  return counted(index, "SHARDNUMSUB", channel);
}

std::size_t redis_cluster::subscribed_node(const std::string& channel) {
  for (std::size_t i = 0; i < size; ++i)
    if (subscribers(i, channel) > 0) return i;
  return size;
}

void redis_cluster::publish(const std::string& channel,
                            const std::string& payload) {
  if (!usable(publisher_)) publisher_ = any_usable();
  checked(tell(publisher_, {"PUBLISH", channel, payload}));
}

void redis_cluster::publish_sharded(const std::string& channel,
                                    const std::string& payload) {
  const auto slot = slot_of(channel);
  auto known = owners_.find(slot);
  if (known == owners_.end() || !usable(known->second))
    known = owners_.insert_or_assign(slot, owner(slot)).first;
  if (!usable(known->second)) throw std::runtime_error("its owner is away");
  auto reply = tell(known->second, {"SPUBLISH", channel, payload});
  // MOVED 3999 127.0.0.1:6381
  if (reply.error && reply.text.starts_with("MOVED ")) {
    const auto port = reply.text.substr(reply.text.rfind(':') + 1);
    known->second = node_on(static_cast<std::uint16_t>(std::stoul(port)));
    if (!usable(known->second)) throw std::runtime_error("its owner is away");
    reply = tell(known->second, {"SPUBLISH", channel, payload});
  }
  checked(std::move(reply));
}

bool redis_cluster::usable(std::size_t index) {
  const auto& one = nodes_.at(index);
  return one.server->running() && !one.frozen && !one.isolated;
}

std::size_t redis_cluster::any_usable() {
  for (std::size_t i = size; i-- > 0;)
    if (usable(i)) return i;
  throw std::runtime_error("no node of the cluster can be asked");
}

std::size_t redis_cluster::node_on(std::uint16_t port) const {
  for (std::size_t i = 0; i < size; ++i)
    if (nodes_[i].server->port() == port) return i;
  throw std::runtime_error("the cluster names a stranger");
}

redis_reply redis_cluster::ask(std::size_t index,
                               const std::vector<std::string>& words) {
  return checked(redis_client(node(index).port()).command(words));
}

redis_reply redis_cluster::tell(std::size_t index,
                                const std::vector<std::string>& words) {
  auto& kept = nodes_.at(index).publisher;
  auto used = std::exchange(kept, nullptr);
  if (!used)
    used = std::make_unique<redis_client>(node(index).port(), std::string{},
                                          publish_patience);
  auto reply = used->command(words);
  kept = std::move(used);
  return reply;
}

}  // namespace status2::support
