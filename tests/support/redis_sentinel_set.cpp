#include "tests/support/redis_sentinel_set.hpp"

#include "tests/support/eventually.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace {

using namespace std::chrono_literals;

constexpr auto publish_patience = 1s;

/// The value behind `key` in a reply that lists keys and values in turn.
std::string field(const redis_reply& reply, std::string_view key) {
  for (std::size_t i = 0; i + 1 < reply.items.size(); i += 2)
    if (reply.items[i].text == key) return reply.items[i + 1].text;
  return {};
}

redis_reply checked(redis_reply reply) {
  if (reply.error) throw std::runtime_error(reply.text);
  return reply;
}

std::string server_lines(const sentinel_options& options,
                         std::uint16_t master) {
  std::ostringstream text;
  text << "repl-diskless-sync-delay 0\n";
  if (!options.password.empty())
    text << "masterauth " << options.password << '\n';
  if (master != 0) text << "replicaof 127.0.0.1 " << master << '\n';
  return text.str();
}

std::string sentinel_lines(const sentinel_options& options,
                           std::string_view name, std::uint16_t master) {
  std::ostringstream text;
  text << "sentinel monitor " << name << " 127.0.0.1 " << master << " 2\n"
       << "sentinel down-after-milliseconds " << name
       << " 60000\n"
       // An election that failed is held again after twice this time.
       << "sentinel failover-timeout " << name << " 2000\n";
  if (!options.password.empty())
    text << "sentinel auth-pass " << name << ' ' << options.password << '\n';
  if (!options.sentinel_password.empty())
    text << "sentinel sentinel-pass " << options.sentinel_password << '\n';
  return text.str();
}

}  // namespace

redis_sentinel_set::redis_sentinel_set(sentinel_options options)
    : options_(std::move(options)) {
  std::uint16_t master = 0;
  for (auto& server : servers_) {
    server = std::make_unique<redis_server>(redis_options{
        .password = options_.password,
        .more = [this, master] { return server_lines(options_, master); }});
    master = servers_.front()->port();
  }
  for (auto& sentinel : sentinels_) {
    sentinel = std::make_unique<redis_server>(
        redis_options{.password = options_.sentinel_password,
                      .sentinel = true,
                      .more = [this, master] {
                        return sentinel_lines(options_, name, master);
                      }});
    set_times(*sentinel);
  }
  if (!eventually(30s, [this] { return complete(); }))
    throw std::runtime_error("the sentinels do not know each other");
}

/// A busy machine must not keep a sentinel from a failover (TILT). Sentinels
/// greet each other and look at the servers as often as a test needs it.
void redis_sentinel_set::set_times(redis_server& sentinel) {
  checked(sentinel.client().command({"SENTINEL", "DEBUG", "TILT-TRIGGER",
                                     "60000", "PUBLISH-PERIOD", "500",
                                     "INFO-PERIOD", "1000"}));
}

std::string redis_sentinel_set::url() const {
  std::string hosts;
  for (const auto& sentinel : sentinels_)
    hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") +
             std::to_string(sentinel->port());
  return "redis-sentinel://" + hosts + '/' + std::string(name) + "/2";
}

redis_sentinel_set::opinion redis_sentinel_set::opinion_of(
    redis_server& sentinel) {
  if (!sentinel.running()) return {};
  auto& client = sentinel.client();
  // The epoch first: an address that is older than its epoch would pass for
  // the newest.
  const auto master =
      checked(client.command({"SENTINEL", "MASTER", std::string(name)}));
  const auto address = checked(client.command(
      {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", std::string(name)}));
  return {std::stoll(field(master, "config-epoch")),
          static_cast<std::uint16_t>(std::stoul(address.items.at(1).text))};
}

std::uint16_t redis_sentinel_set::master_port() {
  opinion newest;
  for (auto& sentinel : sentinels_)
    if (const auto one = opinion_of(*sentinel); one.epoch > newest.epoch)
      newest = one;
  if (newest.port == 0) throw std::runtime_error("no sentinel answers");
  return newest.port;
}

redis_server& redis_sentinel_set::server_on(std::uint16_t port) {
  for (auto& server : servers_)
    if (server->port() == port) return *server;
  throw std::runtime_error("the sentinels name a stranger");
}

redis_server& redis_sentinel_set::master() {
  return server_on(master_port());
}

redis_server& redis_sentinel_set::replica() {
  auto& now = master();
  return *servers_[&now == servers_[0].get() ? 1 : 0];
}

redis_reply redis_sentinel_set::ask(std::uint16_t port,
                                    const std::vector<std::string>& words) {
  return redis_client(port, options_.password).command(words);
}

void redis_sentinel_set::fail_over() {
  for (auto& sentinel : sentinels_) {
    if (!sentinel->running()) continue;
    checked(sentinel->client().command(
        {"SENTINEL", "FAILOVER", std::string(name)}));
    return;
  }
  throw std::runtime_error("no sentinel runs");
}

void redis_sentinel_set::start_sentinel(std::size_t index) {
  sentinel(index).start();
  set_times(sentinel(index));
}

bool redis_sentinel_set::has_master(std::uint16_t port) {
  for (auto& sentinel : sentinels_)
    if (sentinel->running() && opinion_of(*sentinel).port != port) return false;
  return server_on(port).running() &&
         ask(port, {"ROLE"}).items.at(0).text == "master";
}

bool redis_sentinel_set::fails_over(std::uint16_t before,
                                    std::chrono::nanoseconds deadline) {
  expect_failover();
  const bool done = eventually(deadline, [&] {
    const auto now = master_port();
    return now != before && has_master(now);
  });
  expect_none();
  return done;
}

void redis_sentinel_set::set_down_after(std::string_view milliseconds) {
  for (auto& sentinel : sentinels_)
    if (sentinel->running())
      checked(sentinel->client().command({"SENTINEL", "SET", std::string(name),
                                          "down-after-milliseconds",
                                          std::string(milliseconds)}));
}

bool redis_sentinel_set::complete() {
  const auto sentinel_agrees = [](auto& sentinel) {
    if (!sentinel->running()) return false;
    auto& client = sentinel->client();
    const auto master =
        client.command({"SENTINEL", "MASTER", std::string(name)});
    const auto replicas =
        client.command({"SENTINEL", "REPLICAS", std::string(name)});
    return field(master, "flags") == "master" &&
           field(master, "num-other-sentinels") ==
               std::to_string(sentinel_count - 1) &&
           replicas.items.size() == 1 &&
           field(replicas.items[0], "flags") == "slave" &&
           field(replicas.items[0], "master-link-status") == "ok";
  };
  return std::all_of(sentinels_.begin(), sentinels_.end(), sentinel_agrees) &&
         has_master(master_port()) && replica().running() &&
         ask(replica().port(), {"INFO", "replication"})
                 .text.find("master_link_status:up") != std::string::npos;
}

std::int64_t redis_sentinel_set::subscribers(redis_server& server,
                                             const std::string& channel) {
  if (!server.running()) return 0;
  return ask(server.port(), {"PUBSUB", "NUMSUB", channel}).items.at(1).number;
}

void redis_sentinel_set::publish(const std::string& channel,
                                 const std::string& payload) {
  const auto port = master_port();
  // In `publisher_` only while it works.
  auto used = std::exchange(publisher_, nullptr);
  if (!used || port != publisher_port_)
    used = std::make_unique<redis_client>(port, options_.password,
                                          publish_patience);
  checked(used->command({"PUBLISH", channel, payload}));
  publisher_ = std::move(used);
  publisher_port_ = port;
}

}  // namespace status2::support
