#include "actors/supervisor.hpp"

#include "actors/channel_groups.hpp"
#include "actors/log.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace status2::actors {

caf::behavior supervisor_state::make_behavior(supervisor_config configuration) {
  config = std::move(configuration);
  sessions_by_thread.assign(config.threads, 0);
  self->set_down_handler([this](const caf::down_msg& down) { on_down(down); });
  start_link();
  return {
      [this](const client_accepted& client) { on_client(client); },
      [this](const link_status& status) { config.status->link = status.phase; },
      [this](const linger_over& over) { on_linger_over(over); },
      [this](const restart_child& child) { on_restart(child); },
      [this](drain) { on_drain(); },
  };
}

// -- clients ------------------------------------------------------------------

void supervisor_state::on_client(const client_accepted& client) {
  if (draining) {
    --config.status->sessions;  // its socket closes with the request
    return;
  }
  auto& channel = channel_for(client.request->channel.full);
  auto& entry = channel.second;
  auto thread = thread_for(entry);
  auto session = config.spawn_session({client.request, entry.viewers, thread});
  self->monitor(session);
  auto id = session.id();
  sessions.emplace(id, session_entry{std::move(session), &channel, thread});
  ++sessions_by_thread[thread];
  ++entry.viewer_count;
  ++entry.generation;
}

supervisor_state::channel_map::value_type& supervisor_state::channel_for(
    const std::string& name) {
  auto [i, added] = channels.try_emplace(name);
  if (added) {
    i->second.viewers = *channel_groups::of(self->system()).get(name);
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
  auto& channel = *session->second.channel;
  --sessions_by_thread[session->second.thread];
  sessions.erase(session);
  --config.status->sessions;
  ++channel.second.generation;
  if (--channel.second.viewer_count == 0) start_linger(channel);
  if (draining) end_when_drained();
}

// -- channels -----------------------------------------------------------------

void supervisor_state::start_linger(channel_map::value_type& channel) {
  linger_over over{channel.first, channel.second.generation};
  if (config.channel_linger.count() == 0)
    on_linger_over(over);
  else
    self->delayed_send(self, config.channel_linger, std::move(over));
}

void supervisor_state::on_linger_over(const linger_over& over) {
  auto i = channels.find(over.channel);
  if (i == channels.end() || i->second.generation != over.generation) return;
  log(log_event::channel_left, {{"channel", over.channel}});
  self->send(link, channel_unwanted{over.channel});
  auto& entry = i->second;
  if (entry.subscriber) {
    subscribers.erase(entry.subscriber.id());
    self->send_exit(entry.subscriber, caf::exit_reason::user_shutdown);
  }
  channel_groups::of(self->system()).forget(over.channel);
  channels.erase(i);
  --config.counters->channels_active;
}

void supervisor_state::start_subscriber(channel_map::value_type& channel) {
  auto& entry = channel.second;
  entry.subscriber = config.spawn_subscriber({channel.first, entry.viewers});
  self->monitor(entry.subscriber);
  subscribers.emplace(entry.subscriber.id(), &channel);
  if (link)
    self->send(link, channels_wanted{{{channel.first, entry.subscriber}}});
}

void supervisor_state::start_link() {
  link = config.spawn_link(caf::actor_cast<caf::actor>(self));
  self->monitor(link);
  channels_wanted all;
  for (auto& [name, entry] : channels)
    if (entry.subscriber) all.channels.push_back({name, entry.subscriber});
  // Those with most viewers first: they are served again soonest.
  std::sort(all.channels.begin(), all.channels.end(), [&](auto& a, auto& b) {
    return channels[a.name].viewer_count > channels[b.name].viewer_count;
  });
  if (!all.channels.empty()) self->send(link, std::move(all));
}

// -- supervision --------------------------------------------------------------

void supervisor_state::on_down(const caf::down_msg& down) {
  auto id = down.source.id();
  if (auto i = sessions.find(id); i != sessions.end()) {
    on_session_down(i);
  } else if (link && id == link.id()) {
    on_link_down(down);
  } else if (auto j = subscribers.find(id); j != subscribers.end()) {
    auto& channel = *j->second;
    subscribers.erase(j);
    on_subscriber_down(channel, down);
  }
}

void supervisor_state::on_link_down(const caf::down_msg& down) {
  link = nullptr;
  if (draining) return;
  config.status->link = link_phase::interrupted;
  for (auto& [name, entry] : channels)
    channel_group::of(entry.viewers).live(false);
  schedule_restart(down, {}, link_deaths);
}

void supervisor_state::on_subscriber_down(channel_map::value_type& channel,
                                          const caf::down_msg& down) {
  channel.second.subscriber = nullptr;
  if (draining) return;
  channel_group::of(channel.second.viewers).live(false);
  schedule_restart(down, channel.first, channel.second.deaths);
}

void supervisor_state::schedule_restart(const caf::down_msg& down,
                                        std::string channel,
                                        restart_history& deaths) {
  std::uniform_real_distribution<double> unit{0, 1};
  auto now = self->clock().now();
  auto decision = deaths.on_death(config.restarts, now, unit(random));
  auto backoff = milliseconds_text(decision.delay);
  auto reason = self->system().render(down.reason);
  log(decision.intensity_exceeded ? log_event::restart_intensity
                                  : log_event::actor_restarted,
      {{"actor", channel.empty() ? "redis-link" : "subscriber"},
       {"channel", channel},
       {"backoff", backoff},
       {"error", reason}});
  if (decision.intensity_exceeded)
    config.status->failing_until_ns =
        (now + decision.delay + config.restarts.window)
            .time_since_epoch()
            .count();
  restart_child message{std::move(channel)};
  if (decision.delay.count() == 0)
    on_restart(message);
  else
    self->delayed_send(self, decision.delay, std::move(message));
}

void supervisor_state::on_restart(const restart_child& child) {
  if (draining) return;
  if (child.channel.empty()) {
    if (link) return;
    ++config.counters->actor_restarts;
    start_link();
    return;
  }
  auto i = channels.find(child.channel);
  if (i == channels.end() || i->second.subscriber) return;
  ++config.counters->actor_restarts;
  start_subscriber(*i);
}

// -- drain --------------------------------------------------------------------

void supervisor_state::on_drain() {
  draining = true;
  config.status->draining = true;
  for (auto& [id, entry] : sessions)
    self->send(entry.session, drain{});
  end_when_drained();
}

void supervisor_state::end_when_drained() {
  if (!sessions.empty()) return;
  if (link) self->send_exit(link, caf::exit_reason::user_shutdown);
  for (auto& [id, channel] : subscribers)
    self->send_exit(channel->second.subscriber,
                    caf::exit_reason::user_shutdown);
  self->quit(caf::exit_reason::user_shutdown);
}

}  // namespace status2::actors
