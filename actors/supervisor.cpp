#include "actors/supervisor.hpp"

#include "actors/channel_groups.hpp"
#include "actors/log.hpp"
#include "transport/handshake.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace status2::actors {

caf::behavior supervisor_state::make_behavior(supervisor_config configuration) {
  config = std::move(configuration);
  started = self->clock().now();
  sessions_by_thread.assign(config.threads, 0);
  self->set_down_handler([this](const caf::down_msg& down) { on_down(down); });
  start_link();
  start_canary();
  return {
      [this](const client_accepted& client) { on_client(client); },
      [this](const link_status& status) { on_link_phase(status.phase); },
      [this](linger_over over) {
        if (over.round == linger_round) on_linger_over();
      },
      [this](const supervisor_limits& limits) { on_limits(limits); },
      [this](const redis_change& change) { on_redis_change(change); },
      [this](redis_changed) { on_redis_changed(); },
      [this](const restart_child& child) { on_restart(child); },
      [this](drain) { on_drain(); },
      [this](drain_step) { on_drain_step(); },
      [this](const tree_wanted& wanted) { on_tree(wanted); },
      [this](const kill_wanted& wanted) { on_kill(wanted); },
      [this](const fault_wanted& wanted) { on_fault(wanted); },
  };
}

// -- clients ------------------------------------------------------------------

void supervisor_state::on_client(const client_accepted& client) {
  if (draining) {
    // It was admitted just before.
    config.counters->count(transport::refusal::drain);
    transport::turn_away(std::move(*client.request), transport::refusal::drain);
    return;
  }
  const auto& name = client.request->channel.full;
  if (!channels.contains(name) && !make_room()) {
    refuse_channel(*client.request);
    return;
  }
  auto& channel = channel_for(name);
  auto& entry = channel.second;
  auto thread = thread_for(entry);
  auto session = config.spawn_session({client.request, entry.viewers, thread});
  self->monitor(session);
  auto id = session.id();
  sessions.emplace(id, session_entry{std::move(session), &channel, thread,
                                     self->clock().now()});
  ++sessions_by_thread[thread];
  ++entry.viewer_count;
  entry.unlink();
  entry.tail->watched(true);
}

void supervisor_state::refuse_channel(transport::upgrade_request& request) {
  config.counters->count(transport::refusal::channels);
  if (auto suppressed = refusals.admit(self->clock().now()))
    log(log_event::channel_refused,
        {{"run_id", request.channel.run()},
         {"channel", request.channel.channel()},
         {"remote", request.remote},
         {"limit", static_cast<std::int64_t>(config.limits.max_channels)},
         {"suppressed", static_cast<std::int64_t>(*suppressed)}});
  transport::turn_away(std::move(request), transport::refusal::channels);
}

supervisor_state::channel_map::value_type& supervisor_state::channel_for(
    const std::string& name) {
  auto [i, added] = channels.try_emplace(name);
  if (added) {
    i->second.name = i->first;
    i->second.viewers = *channel_groups::of(self->system()).get(name);
    i->second.tail = std::make_shared<channel_tail>(*config.tails);
    ++config.counters->channels_active;
    start_subscriber(*i);
  }
  return *i;
}

std::size_t supervisor_state::thread_for(const channel_entry& channel) const {
  if (channel.viewer_count < config.spread_at) return 0;
  auto fewest =
      std::min_element(sessions_by_thread.begin(), sessions_by_thread.end());
  return static_cast<std::size_t>(fewest - sessions_by_thread.begin());
}

void supervisor_state::on_session_down(
    std::unordered_map<caf::actor_id, session_entry>::iterator session) {
  auto& channel = session->second.channel->second;
  --sessions_by_thread[session->second.thread];
  sessions.erase(session);
  if (--channel.viewer_count == 0) start_linger(channel);
  if (draining) end_when_drained();
}

// -- channels -----------------------------------------------------------------

void supervisor_state::start_linger(channel_entry& channel) {
  channel.tail->watched(false);
  channel.left_at = self->clock().now();
  (channel.tail->last() > 0 ? lingering : lingering_unused).push_back(channel);
  if (config.limits.channel_linger.count() == 0)
    leave(channel);
  else if (!std::exchange(linger_armed, true))
    self->delayed_send(self, config.limits.channel_linger,
                       linger_over{linger_round});
}

void supervisor_state::on_linger_over() {
  linger_armed = false;
  const auto now = self->clock().now();
  std::optional<time_point> next;
  for (auto* list : {&lingering, &lingering_unused}) {
    while (!list->empty() &&
           list->front().left_at + config.limits.channel_linger <= now)
      leave(list->front());
    if (!list->empty() && (!next || list->front().left_at < *next))
      next = list->front().left_at;
  }
  if (!next) return;
  linger_armed = true;
  self->delayed_send(self, *next + config.limits.channel_linger - now,
                     linger_over{linger_round});
}

void supervisor_state::on_limits(const supervisor_limits& limits) {
  config.limits = limits;
  // A timer that was armed for another linger would be early or late.
  ++linger_round;
  on_linger_over();
}

bool supervisor_state::make_room() {
  if (channels.size() < config.limits.max_channels) return true;
  auto& list = lingering_unused.empty() ? lingering : lingering_unused;
  if (list.empty()) return false;
  leave(list.front());
  return true;
}

void supervisor_state::leave(channel_entry& channel) {
  const std::string whole(channel.name);
  const auto [run, name] = halves(whole);
  log(log_event::channel_left, {{"run_id", run}, {"channel", name}});
  self->send(link.actor, channel_unwanted{whole});
  if (const auto& subscriber = channel.subscriber.actor) {
    subscribers.erase(subscriber.id());
    self->send_exit(subscriber, caf::exit_reason::user_shutdown);
  }
  if (config.latches != nullptr)
    config.latches->leave(whole, channel.tail->epoch(), self->clock().now());
  channel_groups::of(self->system()).forget(whole);
  channels.erase(whole);
  --config.counters->channels_active;
}

void supervisor_state::start_subscriber(channel_map::value_type& channel) {
  auto& entry = channel.second;
  auto& subscriber = entry.subscriber;
  subscriber.actor = config.spawn_subscriber({.viewers = entry.viewers,
                                              .counters = config.counters,
                                              .tail = entry.tail,
                                              .latches = config.latches});
  subscriber.since = self->clock().now();
  self->monitor(subscriber.actor);
  subscribers.emplace(subscriber.actor.id(), &channel);
  if (link.actor)
    self->send(
        link.actor,
        channels_wanted{{{channel.first, subscriber.actor, entry.viewers}}});
}

void supervisor_state::start_link() {
  link.actor = config.spawn_link(caf::actor_cast<caf::actor>(self));
  link.since = self->clock().now();
  self->monitor(link.actor);
  channels_wanted all;
  if (canary.actor)
    all.channels.push_back({config.canary_channel, canary.actor});
  for (auto& [name, entry] : channels)
    if (entry.subscriber.actor)
      all.channels.push_back({name, entry.subscriber.actor, entry.viewers});
  if (!all.channels.empty()) self->send(link.actor, std::move(all));
  if (pending_change) self->send(link.actor, *pending_change);
}

void supervisor_state::start_canary() {
  if (!config.spawn_canary) return;
  canary.actor = config.spawn_canary();
  canary.since = self->clock().now();
  self->monitor(canary.actor);
  if (link.actor)
    self->send(link.actor,
               channels_wanted{{{config.canary_channel, canary.actor}}});
}

// -- supervision --------------------------------------------------------------

void supervisor_state::on_down(const caf::down_msg& down) {
  auto id = down.source.id();
  if (auto i = sessions.find(id); i != sessions.end()) {
    on_session_down(i);
  } else if (link.actor && id == link.actor.id()) {
    on_link_down(down);
  } else if (canary.actor && id == canary.actor.id()) {
    on_canary_down(down);
  } else if (auto j = subscribers.find(id); j != subscribers.end()) {
    auto& channel = *j->second;
    subscribers.erase(j);
    on_subscriber_down(channel, down);
  }
}

void supervisor_state::on_link_phase(link_phase now) {
  // A surfaced outage ends when the link is up, whatever happens to it before.
  if (now == link_phase::interrupted &&
      config.status->link == link_phase::surfaced)
    return;
  config.status->link = now;
}

void supervisor_state::on_redis_change(const redis_change& change) {
  pending_change = change;
  config.counters->redis_change_pending = 1;
  if (link.actor) self->send(link.actor, change);
}

void supervisor_state::on_redis_changed() {
  if (!pending_change) return;
  const auto change = std::exchange(pending_change, std::nullopt);
  config.counters->redis_change_pending = 0;
  if (config.redis_changed) config.redis_changed(*change);
  if (canary.actor) self->send(canary.actor, *change);
}

void supervisor_state::on_link_down(const caf::down_msg& down) {
  link.actor = nullptr;
  if (draining) return;
  on_link_phase(link_phase::interrupted);
  for (auto& [name, entry] : channels)
    channel_group::of(entry.viewers).gaps().link_died();
  schedule_restart(down, link_child, {}, link);
}

void supervisor_state::on_canary_down(const caf::down_msg& down) {
  canary.actor = nullptr;
  if (draining) return;
  schedule_restart(down, canary_child, {}, canary);
}

void supervisor_state::on_subscriber_down(channel_map::value_type& channel,
                                          const caf::down_msg& down) {
  channel.second.subscriber.actor = nullptr;
  if (draining) return;
  channel_group::of(channel.second.viewers).gaps().subscriber_died();
  schedule_restart(down, subscriber_child, channel.first,
                   channel.second.subscriber);
}

void supervisor_state::schedule_restart(const caf::down_msg& down,
                                        std::string_view kind,
                                        std::string channel, child& of) {
  std::uniform_real_distribution<double> unit{0, 1};
  auto now = self->clock().now();
  auto decision = of.deaths.on_death(config.restarts, now, unit(random));
  auto backoff = milliseconds_text(decision.delay);
  auto reason = self->system().render(down.reason);
  const auto [run, name] = halves(channel);
  log(decision.intensity_exceeded ? log_event::restart_intensity
                                  : log_event::actor_restarted,
      {{"actor", kind},
       {"run_id", run},
       {"channel", name},
       {"backoff", backoff},
       {"error", reason}});
  if (decision.intensity_exceeded)
    config.status->failing_until_ns =
        (now + decision.delay + config.restarts.window)
            .time_since_epoch()
            .count();
  restart_child message{std::string(kind), std::move(channel)};
  if (decision.delay.count() == 0)
    on_restart(message);
  else
    self->delayed_send(self, decision.delay, std::move(message));
}

void supervisor_state::on_restart(const restart_child& child) {
  if (draining) return;
  if (child.kind == subscriber_child) {
    auto i = channels.find(child.channel);
    if (i == channels.end() || i->second.subscriber.actor) return;
    ++i->second.subscriber.restarts;
    start_subscriber(*i);
  } else if (child.kind == link_child) {
    if (link.actor) return;
    ++link.restarts;
    start_link();
  } else {
    if (canary.actor) return;
    ++canary.restarts;
    start_canary();
  }
  ++config.counters->actor_restarts;
}

// -- drain --------------------------------------------------------------------

void supervisor_state::on_drain() {
  draining = true;
  config.status->draining = true;
  drain_started = self->clock().now();
  for (auto& [id, entry] : sessions)
    to_close.push_back(entry.session);
  sessions_to_drain = to_close.size();
  on_drain_step();
  end_when_drained();
}

void supervisor_state::on_drain_step() {
  constexpr std::chrono::milliseconds step{20};
  const auto elapsed = self->clock().now() - drain_started;
  std::size_t left = 0;
  if (elapsed < config.limits.drain_window)
    left = static_cast<std::size_t>(
        static_cast<double>(sessions_to_drain) *
        (1 -
         std::chrono::duration<double>(elapsed + step) /
             std::chrono::duration<double>(config.limits.drain_window + step)));
  for (; to_close.size() > left; to_close.pop_back())
    self->send(to_close.back(), drain{});
  if (!to_close.empty()) self->delayed_send(self, step, drain_step{});
}

void supervisor_state::end_when_drained() {
  if (!sessions.empty()) return;
  for (auto& one : {link.actor, canary.actor})
    if (one) self->send_exit(one, caf::exit_reason::user_shutdown);
  for (auto& [id, channel] : subscribers)
    self->send_exit(channel->second.subscriber.actor,
                    caf::exit_reason::user_shutdown);
  self->quit(caf::exit_reason::user_shutdown);
}

}  // namespace status2::actors
