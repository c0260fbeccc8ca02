#include "actors/redis_link.hpp"

#include "actors/channel_groups.hpp"
#include "actors/log.hpp"
#include "actors/prefetch.hpp"
#include "actors/redis_link_events.hpp"
#include "redis/sharded_machine.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace status2::actors {

namespace {

using redis::action_kind;

/// Fetches what sending to `actor` and running it touch, while others are
/// looked up: with thousands of channels none of it is in the cache.
void prefetch(const caf::actor& actor) {
  constexpr std::size_t size = 896;
  prefetch_bytes(caf::actor_cast<caf::actor_control_block*>(actor), size);
}

}  // namespace

redis_link_state::~redis_link_state() {
  for (auto& [id, connection] : links)
    connection->close();
  drop_publisher();
  if (!machine) return;
  count_live(-live_channels);
  config.counters->redis_channels_refused -= refused_channels;
  config.status->channels_refused -= refused_channels;
}

caf::behavior redis_link_state::make_behavior(redis_link_config configuration) {
  config = std::move(configuration);
  const auto chance = [this] {
    return std::uniform_real_distribution<double>{0, 1}(random);
  };
  const auto weight = [this](const std::string& channel) {
    return channel_groups::of(self->system()).viewers(channel);
  };
  if (config.cluster)
    machine = std::make_unique<redis::sharded_machine>(config.machine, chance,
                                                       weight);
  else
    machine = std::make_unique<redis::subscription_machine>(config.machine,
                                                            chance, weight);
  auto& source = config.connection.source;
  if (!source)
    source = std::make_shared<redis::endpoint_list>(
        *config.loop, config.connection.url.endpoints);
  // A link before this one died with its connections.
  if (config.memory->established) lose();
  watch_source();
  carry_out(machine->start(self->clock().now()));
  return {
      [this](const channels_wanted& m) { on_wanted(m); },
      [this](const channel_unwanted& m) { on_unwanted(m); },
      [this](const redis_opened& m) { on_opened(m); },
      [this](const redis_unanswered& m) {
        carry_out(machine->unanswered(m.link, m.error, self->clock().now()));
      },
      [this](const redis_warning& m) {
        if (std::exchange(warned, m.text) != m.text)
          log(log_event::redis_warning, {{"error", m.text}});
      },
      [this](const redis_mapped& m) {
        carry_out(machine->mapped(m.topology, m.error, self->clock().now()));
      },
      [this](const redis_moved& m) {
        carry_out(machine->moved(m.why, m.since, self->clock().now()));
      },
      [this](const fault_wanted&) { on_fault(); },
      [this](const redis_change& m) { on_change(m); },
      [this](const redis_read& m) { on_read(m); },
      [this](const redis_closed& m) { on_closed(m); },
      [this](link_tick tick) { on_tick(tick); },
  };
}

// -- messages -----------------------------------------------------------------

void redis_link_state::on_wanted(const channels_wanted& wanted) {
  std::vector<std::string> added;
  for (const auto& [name, subscriber, viewers] : wanted.channels) {
    if (viewers)
      channel_group::of(viewers).gaps().served_by(config.memory->progress);
    auto& entry = subscribers[name] = {subscriber, viewers, {}, 0};
    // A restarted subscriber of a channel that Redis has acknowledged.
    if (machine->live(name)) tell(entry, {true});
    added.push_back(name);
  }
  carry_out(machine->want(added, self->clock().now()));
}

void redis_link_state::on_unwanted(const channel_unwanted& unwanted) {
  if (machine->live(unwanted.name)) count_live(-1);
  subscribers.erase(unwanted.name);
  awaited.erase(unwanted.name);
  carry_out(machine->unwant(unwanted.name, self->clock().now()));
}

void redis_link_state::on_read(const redis_read& read) {
  if (read.link == publisher_id) return on_publisher_read(*read.batch);
  ++config.counters->redis_reads;
  bool serve = false;
  auto todo = machine->read(read.link, *read.batch, self->clock().now(), serve);
  // First what was acknowledged: messages of a channel come behind it.
  carry_out(todo);
  if (serve) forward(read.batch);
}

void redis_link_state::on_opened(const redis_opened& opened) {
  if (opened.link == publisher_id) {
    publisher_open = true;
    publisher->send({"PUBLISH", marker_channel, marker});
    return;
  }
  up_at[opened.link] = self->clock().now();
  note_server(opened.link);
  // Only the resume that succeeds counts.
  acknowledged_after.clear();
  carry_out(machine->opened(opened.link, self->clock().now()));
}

void redis_link_state::note_server(redis::link_id link) {
  const auto found = links.find(link);
  const auto& served_at = config.memory->served_at;
  if (found == links.end() || !served_at ||
      found->second->where() == *served_at)
    return;
  if (const auto since = config.connection.source->certain_until(*served_at))
    elsewhere_since[link] = *since;
}

void redis_link_state::on_closed(const redis_closed& closed) {
  if (closed.link == publisher_id) {
    drop_publisher();
    return carry_out(machine->unmarked(closed.error, self->clock().now()));
  }
  links.erase(closed.link);
  up_at.erase(closed.link);
  elsewhere_since.erase(closed.link);
  carry_out(machine->closed(closed.link, closed.error, closed.kind,
                            self->clock().now()));
}

void redis_link_state::on_tick(link_tick tick) {
  if (tick.due != tick_at) return;  // an earlier one has taken its place
  tick_at = redis::subscription_machine::time_point::max();
  carry_out(machine->tick(self->clock().now()));
}

void redis_link_state::forward(
    const std::shared_ptr<redis::reply_batch>& read) {
  auto& replies = read->replies;
  auto& forwarded_until = config.memory->progress->forwarded_until;
  for (std::uint32_t at = 0; at < replies.size(); ++at) {
    if (!replies[at].pushed()) continue;
    const bool too_large = replies[at].kind == redis::reply_kind::too_large;
    if (too_large)
      note_too_large(read->first(replies[at]), replies[at].second_size);
    else
      ++config.counters->messages_received;
    auto i = subscribers.find(read->first(replies[at]));
    if (i == subscribers.end()) continue;
    auto& [actor, viewers, batch, last] = i->second;
    if (batch.count == 0) {
      prefetch(actor);
      if (viewers) channel_group::of(viewers).prefetch();
      addressed.push_back(&*i);
      batch = {read, at, 0, 0};
    } else {
      replies[last].next = at;
    }
    last = at;
    ++batch.count;
    if (too_large)
      ++batch.too_large;
    else
      batch.bytes += replies[at].second_size;
  }
  for (auto* one : addressed) {
    auto& [actor, viewers, batch, last] = one->second;
    if (viewers) channel_group::of(viewers).prefetch_members();
    if (!awaited.empty()) note_first_message(one->first);
    if (viewers) batch.number = channel_group::of(viewers).gaps().sent();
    self->send(actor, std::exchange(batch, {}));
  }
  addressed.clear();
  forwarded_until = std::max(forwarded_until, machine->complete_until());
}

void redis_link_state::note_too_large(std::string_view channel,
                                      std::uint32_t size) {
  ++config.counters->messages_too_large;
  const auto suppressed = too_large_lines.admit(self->clock().now());
  if (!suppressed) return;
  const auto [run, rest] = halves(channel);
  log(log_event::message_too_large,
      {{"run_id", run},
       {"channel", rest},
       {"bytes", std::int64_t{size}},
       {"suppressed", static_cast<std::int64_t>(*suppressed)}});
}

// -- actions ------------------------------------------------------------------

void redis_link_state::carry_out(const actions& todo) {
  for (const auto& one : todo) {
    switch (one.kind) {
      case action_kind::live:
        tell_live(one, true);
        break;
      case action_kind::not_live:
        tell_live(one, false);
        break;
      case action_kind::missed:
        tell(one, true);
        break;
      case action_kind::deliver:
        forward(std::make_shared<redis::reply_batch>(one.batch));
        break;
      case action_kind::mark:
        publish_marker(one);
        break;
      case action_kind::cannot_mark:
        cannot_mark("the marker channel is refused");
        break;
      case action_kind::renewed:
        end_change(one);
        break;
      default:
        carry_out_on_socket(one);
        report(one);
    }
  }
  count_refused();
  schedule_tick();
}

void redis_link_state::carry_out_on_socket(const redis::action& todo) {
  switch (todo.kind) {
    case action_kind::open:
      open(todo);
      break;
    case action_kind::close:
      close(todo.link);
      break;
    case action_kind::subscribe:
      command(todo, config.cluster ? "SSUBSCRIBE" : "SUBSCRIBE");
      break;
    case action_kind::unsubscribe:
      command(todo, config.cluster ? "SUNSUBSCRIBE" : "UNSUBSCRIBE");
      break;
    case action_kind::ping:
      command(todo, "PING");
      break;
    case action_kind::topology:
      read_topology();
      break;
    default:
      break;
  }
}

void redis_link_state::open(const redis::action& todo) {
  auto settings = todo.renewed ? *next : config.connection;
  if (todo.renewed) second = todo.link;
  if (todo.where) {
    auto& source = nodes[*todo.where];
    if (!source)
      source = std::make_shared<redis::endpoint_list>(
          *config.loop, std::vector<redis::endpoint>{*todo.where});
    settings.source = source;
  }
  log(log_event::redis_connecting,
      {{"address", todo.where ? redis::to_text(*todo.where)
                              : redis::redacted(settings.url)}});
  links[todo.link] = redis::open_connection(
      *config.loop, settings, events_as_messages(self->address(), todo.link));
}

void redis_link_state::read_topology() {
  config.cluster->topology(
      [to = caf::actor_cast<caf::actor_addr>(self)](
          const redis::cluster_topology& found, const std::string& error) {
        if (auto link = caf::actor_cast<caf::actor>(to))
          caf::anon_send(link, redis_mapped{found, error});
      });
}

void redis_link_state::close(redis::link_id link) {
  auto i = links.find(link);
  if (i == links.end()) return;
  i->second->close();
  links.erase(i);
  up_at.erase(link);
}

void redis_link_state::on_fault() {
  // A connection that fails by it says so in a message of its own.
  for (auto& [id, connection] : links)
    connection->fault_changed();
}

void redis_link_state::command(const redis::action& todo,
                               std::string_view verb) {
  auto i = links.find(todo.link);
  if (i == links.end()) return;
  std::vector<std::string_view> words{verb};
  words.insert(words.end(), todo.channels.begin(), todo.channels.end());
  i->second->send(words);
}

void redis_link_state::tell_live(const redis::action& todo, bool live) {
  count_live(live ? static_cast<std::int64_t>(todo.channels.size())
                  : -static_cast<std::int64_t>(todo.channels.size()));
  if (live) note_acknowledged(todo);
  if (const auto link = links.find(todo.link); live && link != links.end())
    config.memory->served_at = link->second->where();
  tell(todo, live);
}

void redis_link_state::tell(const redis::action& todo, bool live) {
  auto since = todo.since;
  if (const auto known = elsewhere_since.find(todo.link);
      live && known != elsewhere_since.end())
    since = std::min(since.value_or(known->second), known->second);
  for (const auto& name : todo.channels)
    if (auto i = subscribers.find(name); i != subscribers.end())
      tell(i->second, {live, since});
}

void redis_link_state::tell(const wanted_subscriber& whom,
                            channel_state state) {
  if (whom.viewers) {
    auto& gaps = channel_group::of(whom.viewers).gaps();
    state.number = state.since ? gaps.sent(*state.since) : gaps.sent();
  }
  self->send(whom.actor, state);
}

// -- the end of an outage -----------------------------------------------------

void redis_link_state::note_acknowledged(const redis::action& todo) {
  auto up = up_at.find(todo.link);
  if (!config.memory->lost_at || up == up_at.end()) return;
  auto after = self->clock().now() - up->second;
  for (const auto& name : todo.channels) {
    acknowledged_after.push_back(after);
    config.counters->resume_acknowledged.observe(after);
    awaited[name] = up->second;
  }
}

void redis_link_state::note_first_message(const std::string& channel) {
  auto i = awaited.find(channel);
  if (i == awaited.end()) return;
  config.counters->resume.observe(self->clock().now() - i->second);
  awaited.erase(i);
}

void redis_link_state::on_established() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  auto& memory = *config.memory;
  if (std::exchange(memory.established, true))
    ++config.counters->redis_reconnects;
  config.counters->redis_up = 1;
  const auto lost_at = std::exchange(memory.lost_at, std::nullopt);
  auto after = std::exchange(acknowledged_after, {});
  phase(link_phase::up);
  auto channels = static_cast<std::int64_t>(subscribers.size());
  if (!lost_at) {
    log(log_event::redis_established, {{"channels", channels}});
    return;
  }
  std::sort(after.begin(), after.end());
  auto ms = [](auto time) -> std::int64_t {
    return duration_cast<milliseconds>(time).count();
  };
  auto outage = ms(self->clock().now() - *lost_at);
  auto worst = after.empty() ? 0 : ms(after.back());
  auto p95 = after.empty() ? 0 : ms(after[(after.size() - 1) * 95 / 100]);
  std::int64_t viewers = 0;
  for (auto& [name, subscriber] : subscribers)
    viewers += static_cast<std::int64_t>(
        channel_groups::of(self->system()).viewers(name));
  config.status->last_resume.outage_ms = outage;
  config.status->last_resume.worst_ms = worst;
  config.status->last_resume.p95_ms = p95;
  log(log_event::redis_established, {{"channels", channels},
                                     {"viewers", viewers},
                                     {"outage_ms", outage},
                                     {"resume_worst_ms", worst},
                                     {"resume_p95_ms", p95}});
}

void redis_link_state::count_live(std::int64_t more) {
  live_channels += more;
  config.counters->channels_subscribed += more;
}

void redis_link_state::count_refused() {
  const auto now = static_cast<std::int64_t>(machine->refused_count());
  const auto more = now - std::exchange(refused_channels, now);
  if (more == 0) return;
  config.counters->redis_channels_refused += more;
  config.status->channels_refused += more;
}

void redis_link_state::report_refused(const redis::action& todo) {
  const auto suppressed = refusals.admit(self->clock().now());
  if (!suppressed) return;
  auto [run, channel] = halves(todo.channels.front());
  log(log_event::redis_failed,
      {{"run_id", run},
       {"channel", channel},
       {"channels", static_cast<std::int64_t>(todo.channels.size())},
       {"error", todo.text},
       {"suppressed", static_cast<std::int64_t>(*suppressed)}});
}

void redis_link_state::lose() {
  auto& lost_at = config.memory->lost_at;
  if (!lost_at) lost_at = self->clock().now();
}

void redis_link_state::phase(link_phase now) {
  self->send(config.supervisor, link_status{now});
}

/// What the machine tells of itself: log lines, counters, the phase.
void redis_link_state::report(const redis::action& todo) {
  auto& counters = *config.counters;
  auto wait = todo.wait.count() ? milliseconds_text(todo.wait) : "";
  std::int64_t attempt = todo.attempt;
  switch (todo.kind) {
    case action_kind::established:
      on_established();
      break;
    case action_kind::added: {
      auto [run, channel] = halves(todo.channels.front());
      log(log_event::channel_established,
          {{"run_id", run}, {"channel", channel}});
      break;
    }
    case action_kind::interrupted:
      lose();
      log(log_event::redis_interrupted,
          {{"backoff", wait}, {"error", todo.text}});
      phase(link_phase::interrupted);
      break;
    case action_kind::failed:
      ++counters.redis_connect_failures;
      log(log_event::redis_failed,
          {{"attempt", attempt}, {"backoff", wait}, {"error", todo.text}});
      break;
    case action_kind::refused:
      report_refused(todo);
      break;
    case action_kind::renewal_failed:
      drop_publisher();
      log(log_event::redis_change_failed,
          {{"attempt", attempt}, {"backoff", wait}, {"error", todo.text}});
      break;
    case action_kind::surfaced:
      counters.redis_up = 0;
      log(log_event::redis_surfaced, {{"attempt", attempt}});
      phase(link_phase::surfaced);
      break;
    case action_kind::silent:
      ++counters.redis_links_doubled;
      lose();
      log(log_event::redis_silent);
      break;
    case action_kind::first_chosen:
      log(log_event::redis_link_chosen, {{"link", "first"}});
      // One that never served is up when Redis has acknowledged its channels.
      if (!todo.established) break;
      counters.redis_up = 1;
      config.memory->lost_at = {};  // late, but nothing was lost
      acknowledged_after.clear();
      phase(link_phase::up);
      break;
    case action_kind::second_chosen:
      log(log_event::redis_link_chosen, {{"link", "second"}});
      break;
    default:
      break;
  }
}

void redis_link_state::schedule_tick() {
  auto next = machine->next_tick();
  if (next >= tick_at) return;
  tick_at = next;
  auto now = self->clock().now();
  self->delayed_send(self, next > now ? next - now : caf::timespan{0},
                     link_tick{next});
}

}  // namespace status2::actors
