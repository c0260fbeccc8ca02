// The link moves to other settings: the machine says when, and a marker that is
// published on a connection of its own says where the first link ends and the
// second begins.
#include "actors/log.hpp"
#include "actors/redis_link.hpp"
#include "actors/redis_link_events.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace status2::actors {

namespace {

std::string random_marker_channel() {
  std::random_device random;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "status2:handover.%08x%08x", random(),
                random());
  return text.data();
}

}  // namespace

/// The source of the connection settings may move the link.
void redis_link_state::watch_source() {
  config.connection.source->moved =
      [to = caf::actor_cast<caf::actor_addr>(self)](const std::string& why,
                                                    auto since) {
        if (auto link = caf::actor_cast<caf::actor>(to))
          caf::anon_send(link, redis_moved{why, since});
      };
}

void redis_link_state::on_change(const redis_change& change) {
  drop_publisher();
  next = change.connection;
  // These are the link's own.
  next->read_interval = config.connection.read_interval;
  next->max_payload = config.connection.max_payload;
  next->knocks = config.connection.knocks;
  auto& source = next->source;
  if (!source)
    source = std::make_shared<redis::endpoint_list>(*config.loop,
                                                    next->url.endpoints);
  log(log_event::redis_change_begun, {{"address", redis::redacted(next->url)}});
  carry_out(machine->renew(random_marker_channel(), self->clock().now()));
}

void redis_link_state::publish_marker(const redis::action& todo) {
  marker_channel = todo.channels.front();
  marker = todo.text;
  if (publisher) {
    if (publisher_open) publisher->send({"PUBLISH", marker_channel, marker});
    return;
  }
  const auto to = links.find(todo.link);
  if (to == links.end()) return;
  // The server of the second link, whichever of several that is.
  auto settings = *next;
  settings.source = std::make_shared<redis::endpoint_list>(
      *config.loop, std::vector<redis::endpoint>{to->second->where()});
  settings.name += "-marker";
  settings.knocks = false;
  publisher =
      redis::open_connection(*config.loop, settings,
                             events_as_messages(self->address(), publisher_id));
}

void redis_link_state::on_publisher_read(const redis::reply_batch& batch) {
  for (const auto& reply : batch.replies) {
    if (reply.kind != redis::reply_kind::error) continue;
    const std::string error(batch.first(reply));
    if (error.starts_with("NOPERM")) return cannot_mark(error);
    return carry_out(machine->unmarked(error, self->clock().now()));
  }
}

void redis_link_state::cannot_mark(const std::string& error) {
  drop_publisher();
  const auto found = links.find(second);
  const auto& served_at = config.memory->served_at;
  const bool elsewhere =
      found != links.end() && served_at && found->second->where() != *served_at;
  if (std::exchange(warned, error) != error)
    log(log_event::redis_warning, {{"error", error}});
  carry_out(machine->without_marker(elsewhere, self->clock().now()));
}

void redis_link_state::end_change(const redis::action& todo) {
  drop_publisher();
  if (!next) return;
  auto before = std::exchange(config.connection, *next);
  next.reset();
  before.source->moved = [](const std::string&, auto) {};
  if (before.source != config.connection.source) before.source->stop();
  watch_source();
  if (const auto link = links.find(todo.link); link != links.end())
    config.memory->served_at = link->second->where();
  log(log_event::redis_changed,
      {{"link", todo.link != 0 ? "second" : ""},
       {"address", redis::redacted(config.connection.url)}});
  self->send(config.supervisor, redis_changed{});
}

void redis_link_state::drop_publisher() {
  if (publisher) publisher->close();
  publisher = nullptr;
  publisher_open = false;
}

}  // namespace status2::actors
