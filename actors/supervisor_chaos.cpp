// What the chaos door asks of the supervisor: to show its children, to kill
// one, to harm the connections to Redis.
#include "actors/channel_groups.hpp"
#include "actors/supervisor.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <charconv>
#include <utility>

namespace status2::actors {

namespace {

namespace json = boost::json;

constexpr std::string_view supervisor_name = "supervisor";
constexpr std::string_view subscriber_prefix = "subscriber:";
constexpr std::string_view session_prefix = "session:";

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

json::object row(std::string name, caf::actor_id id,
                 std::chrono::nanoseconds uptime) {
  return {{"actor", std::move(name)},
          {"id", id},
          {"uptime_seconds", seconds(uptime)}};
}

json::object child_row(std::string name, const supervisor_state::child& child,
                       supervisor_state::time_point now) {
  auto result = child.actor
                    ? row(std::move(name), child.actor.id(), now - child.since)
                    : json::object{{"actor", std::move(name)}};
  result["alive"] = child.actor != nullptr;
  result["restarts"] = child.restarts;
  return result;
}

/// Where deliveries of a channel went.
json::object deliveries_of(const channel_group& viewers) {
  const auto all = viewers.tally();
  return {{"due", all.due},
          {"sent", all.sent},
          {"discarded", all.discarded},
          {"waiting", all.waiting},
          {"imbalance", all.due - all.sent - all.discarded - all.waiting}};
}

}  // namespace

void supervisor_state::on_tree(const tree_wanted& wanted) const {
  const auto now = self->clock().now();
  json::array children;
  children.push_back(child_row(std::string(link_child), link, now));
  if (config.spawn_canary)
    children.push_back(child_row(std::string(canary_child), canary, now));
  for (const auto& [name, entry] : channels) {
    auto subscriber =
        child_row(std::string(subscriber_prefix) + name, entry.subscriber, now);
    const auto& group = channel_group::of(entry.viewers);
    subscriber["live"] = group.live();
    subscriber["viewers"] = entry.viewer_count;
    subscriber["group_members"] = group.size();
    subscriber["deliveries"] = deliveries_of(group);
    children.push_back(std::move(subscriber));
  }
  for (const auto& [id, entry] : sessions) {
    auto session = row(std::string(session_prefix) + std::to_string(id), id,
                       now - entry.since);
    session["channel"] = entry.channel->first;
    session["thread"] = entry.thread;
    children.push_back(std::move(session));
  }
  auto root = row(std::string(supervisor_name), self->id(), now - started);
  root["children"] = std::move(children);
  wanted.answer(200, json::serialize(root));
}

void supervisor_state::on_kill(const kill_wanted& wanted) {
  if (wanted.actor == supervisor_name) {
    wanted.answer(200, json::serialize(json::object{{"killed", wanted.actor}}));
    self->quit(caf::exit_reason::kill);
    return;
  }
  const auto victim = find_actor(wanted.actor);
  if (!victim) {
    wanted.answer(404, R"({"error":"no such actor lives"})");
    return;
  }
  self->send_exit(victim, caf::exit_reason::kill);
  wanted.answer(200, json::serialize(json::object{{"killed", wanted.actor}}));
}

void supervisor_state::on_fault(const fault_wanted& wanted) {
  if (!config.fault) {
    wanted.answer(404, R"({"error":"no faults can be injected"})");
    return;
  }
  *config.fault = wanted.fault;
  if (link.actor) self->send(link.actor, fault_wanted{wanted.fault, {}});
  wanted.answer(200, R"({"injected":true})");
}

caf::actor supervisor_state::find_actor(const std::string& name) const {
  if (name == link_child) return link.actor;
  if (name == canary_child) return canary.actor;
  if (name.starts_with(subscriber_prefix)) {
    const auto i = channels.find(name.substr(subscriber_prefix.size()));
    return i == channels.end() ? caf::actor{} : i->second.subscriber.actor;
  }
  if (!name.starts_with(session_prefix)) return {};
  const auto digits = std::string_view(name).substr(session_prefix.size());
  caf::actor_id id = 0;
  const auto [end, failed] =
      std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (failed != std::errc{} || end != digits.data() + digits.size()) return {};
  const auto i = sessions.find(id);
  return i == sessions.end() ? caf::actor{} : i->second.session;
}

}  // namespace status2::actors
