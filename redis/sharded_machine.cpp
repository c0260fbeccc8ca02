#include "redis/sharded_machine.hpp"

#include <algorithm>
#include <utility>

namespace status2::redis {

namespace {

constexpr std::uint64_t ids_per_node = std::uint64_t{1} << 32;
constexpr std::chrono::seconds refresh{30};
/// Between two readings while a part of the cluster is not served.
constexpr std::chrono::milliseconds quick_refresh{250};

}  // namespace

sharded_machine::sharded_machine(
    machine_settings settings, std::function<double()> chance,
    std::function<std::size_t(const std::string&)> weight)
    : settings_([&] {
        settings.sharded = true;
        return settings;
      }()),
      chance_(std::move(chance)),
      weight_(std::move(weight)) {}

// -- events -------------------------------------------------------------------

sharded_machine::actions sharded_machine::start(time_point now) {
  want_topology(now);
  return tick(now);
}

sharded_machine::actions sharded_machine::want(
    const std::vector<std::string>& channels, time_point now) {
  actions out;
  std::vector<std::string> added;
  for (const auto& name : channels)
    if (channels_.try_emplace(name, nullptr).second) added.push_back(name);
  place(added, now, out);
  return out;
}

sharded_machine::actions sharded_machine::unwant(const std::string& channel,
                                                 time_point now) {
  actions out;
  const auto i = channels_.find(channel);
  if (i == channels_.end()) return out;
  auto* const at = i->second;
  channels_.erase(i);
  if (at != nullptr) take(*at, at->machine.unwant(channel, now), now, out);
  return out;
}

template <class Event>
sharded_machine::actions sharded_machine::pass(link_id link, time_point now,
                                               Event event) {
  actions out;
  if (auto* const at = node_of(link))
    take(*at, event(at->machine, link % ids_per_node), now, out);
  check_established(out);
  return out;
}

sharded_machine::actions sharded_machine::opened(link_id link, time_point now) {
  return pass(link, now, [&](auto& machine, link_id id) {
    return machine.opened(id, now);
  });
}

sharded_machine::actions sharded_machine::unanswered(link_id link,
                                                     const std::string& error,
                                                     time_point now) {
  return pass(link, now, [&](auto& machine, link_id id) {
    return machine.unanswered(id, error, now);
  });
}

sharded_machine::actions sharded_machine::read(link_id link, reply_batch& batch,
                                               time_point now, bool& serve) {
  serve = false;
  return pass(link, now, [&](auto& machine, link_id id) {
    return machine.read(id, batch, now, serve);
  });
}

sharded_machine::actions sharded_machine::closed(link_id link,
                                                 const std::string& error,
                                                 failure_kind kind,
                                                 time_point now) {
  return pass(link, now, [&](auto& machine, link_id id) {
    return machine.closed(id, error, kind, now);
  });
}

/// The source has seen the cluster change.
sharded_machine::actions sharded_machine::moved(const std::string&,
                                                std::optional<time_point>,
                                                time_point now) {
  want_topology(now);
  return tick(now);
}

sharded_machine::actions sharded_machine::tick(time_point now) {
  actions out;
  if (!reading_ && now >= read_at_) {
    reading_ = true;
    asked_at_ = now;
    out.push_back({.kind = action_kind::topology});
  }
  for (auto& [where, each] : nodes_)
    if (now >= each.machine.next_tick())
      take(each, each.machine.tick(now), now, out);
  check_established(out);
  return out;
}

sharded_machine::time_point sharded_machine::next_tick() const {
  auto next = reading_ ? time_point::max() : read_at_;
  for (const auto& [where, each] : nodes_)
    next = std::min(next, each.machine.next_tick());
  return next;
}

bool sharded_machine::live(const std::string& channel) const {
  const auto i = channels_.find(channel);
  return i != channels_.end() && i->second != nullptr &&
         i->second->machine.live(channel);
}

sharded_machine::time_point sharded_machine::complete_until() const {
  auto earliest = time_point::max();
  for (const auto& [where, each] : nodes_)
    if (each.machine.state() >= link_state::serving)
      earliest = std::min(earliest, each.machine.complete_until());
  return earliest == time_point::max() ? time_point{} : earliest;
}

std::size_t sharded_machine::refused_count() const {
  std::size_t count = 0;
  for (const auto& [where, each] : nodes_)
    count += each.machine.refused_count();
  return count;
}

// -- topology -----------------------------------------------------------------

sharded_machine::actions sharded_machine::mapped(
    const cluster_topology& topology, const std::string& error,
    time_point now) {
  actions out;
  reading_ = false;
  mapped_at_ = now;
  if (!error.empty() || topology.ranges.empty()) {
    read_at_ = now + quick_refresh;
    // Nodes that are connected report their own failures.
    if (!nodes_.empty()) return out;
    ++failures_;
    out.push_back({.kind = action_kind::failed,
                   .text = error.empty() ? "no node serves a slot" : error,
                   .attempt = failures_,
                   .wait = quick_refresh});
    if (failures_ == settings_.max_retries)
      out.push_back({.kind = action_kind::surfaced, .attempt = failures_});
    return out;
  }
  failures_ = 0;
  topology_ = topology;
  confirmed_before_ = std::exchange(confirmed_at_, asked_at_);
  const auto masters = topology.masters();
  add_nodes(masters, now, out);
  std::vector<std::string> all;
  all.reserve(channels_.size());
  for (const auto& [name, at] : channels_)
    all.push_back(name);
  place(all, now, out);
  remove_nodes(masters, now, out);
  const bool whole =
      std::all_of(nodes_.begin(), nodes_.end(), [](const auto& each) {
        const auto state = each.second.machine.state();
        return each.second.established && state <= link_state::serving;
      });
  read_at_ = now + (whole ? std::chrono::nanoseconds{refresh}
                          : std::chrono::nanoseconds{quick_refresh});
  check_established(out);
  return out;
}

void sharded_machine::add_nodes(const std::vector<endpoint>& masters,
                                time_point now, actions& out) {
  for (const auto& where : masters) {
    if (nodes_.contains(where)) continue;
    auto& added =
        nodes_
            .emplace(where,
                     node{where, next_number_++,
                          subscription_machine{settings_, chance_, weight_}})
            .first->second;
    take(added, added.machine.start(now), now, out);
  }
}

void sharded_machine::remove_nodes(const std::vector<endpoint>& masters,
                                   time_point now, actions& out) {
  for (auto i = nodes_.begin(); i != nodes_.end();) {
    const bool stays =
        std::find(masters.begin(), masters.end(), i->first) != masters.end();
    if (stays) {
      ++i;
      continue;
    }
    // Its channels are elsewhere already, or nowhere.
    for (auto& [name, at] : channels_)
      if (at == &i->second) {
        withdraw(i->second, name, now, out);
        at = nullptr;
      }
    take(i->second, i->second.machine.stop(), now, out);
    i = nodes_.erase(i);
  }
}

/// Subscribes channels at the nodes that serve their slots now.
void sharded_machine::place(const std::vector<std::string>& channels,
                            time_point now, actions& out) {
  std::map<node*, std::vector<std::string>> placed;
  for (const auto& name : channels) {
    const auto* const where = topology_.master_of(key_slot(name));
    const auto found = where == nullptr ? nodes_.end() : nodes_.find(*where);
    auto* const to = found == nodes_.end() ? nullptr : &found->second;
    auto& at = channels_[name];
    // At the right node, and Redis may have ended the subscription: a node
    // that did not lose the slot is asked again.
    if (at == to && (at == nullptr || at->machine.subscribes(name))) continue;
    if (at != nullptr) withdraw(*at, name, now, out);
    at = to;
    if (to != nullptr) placed[to].push_back(name);
  }
  for (auto& [to, names] : placed)
    take(*to, to->machine.want(names, now), now, out);
}

/// Leaves a channel at a node that does not serve it any more.
void sharded_machine::withdraw(node& from, const std::string& channel,
                               time_point now, actions& out) {
  if (from.machine.live(channel)) {
    out.push_back({.kind = action_kind::not_live, .channels = {channel}});
    // The slot may have had its new owner ever since the last topology that
    // named this one.
    out.back().since =
        std::min(from.machine.complete_until(), confirmed_before_);
  }
  take(from, from.machine.unwant(channel, now), now, out);
}

void sharded_machine::want_topology(time_point now) {
  constexpr std::chrono::milliseconds least{100};
  read_at_ = std::min(read_at_, std::max(now, mapped_at_ + least));
}

// -- nodes --------------------------------------------------------------------

sharded_machine::node* sharded_machine::node_of(link_id id) {
  for (auto& [where, each] : nodes_)
    if (each.number == id / ids_per_node) return &each;
  return nullptr;
}

void sharded_machine::take(node& from, actions&& demanded, time_point now,
                           actions& out) {
  for (auto& one : demanded) {
    if (one.link != 0) one.link += from.number * ids_per_node;
    switch (one.kind) {
      case action_kind::open:
        one.where = from.where;
        break;
      case action_kind::established:
        from.established = true;
        continue;  // check_established() speaks for all
      case action_kind::interrupted:
        from.established = false;
        want_topology(now);
        if (std::exchange(interrupted_, true)) continue;
        break;
      case action_kind::refused:
        if (!one.text.starts_with("MOVED")) break;
        want_topology(now);
        continue;
      case action_kind::silent:
      case action_kind::dropped:
        want_topology(now);
        break;
      default:
        break;
    }
    out.push_back(std::move(one));
  }
}

/// The link is established when every node is.
void sharded_machine::check_established(actions& out) {
  const bool all =
      !nodes_.empty() &&
      std::all_of(nodes_.begin(), nodes_.end(),
                  [](const auto& each) { return each.second.established; });
  if (all && (!established_ || interrupted_)) {
    interrupted_ = false;
    read_at_ = mapped_at_ + refresh;
    out.push_back({.kind = action_kind::established});
  }
  established_ = established_ || all;
}

}  // namespace status2::redis
