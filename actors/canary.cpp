#include "actors/canary.hpp"

#include "actors/log.hpp"
#include "transport/io_loop.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace status2::actors {

namespace {

/// As messages, to an actor that it knows weakly; see redis_link.cpp.
class events_as_messages final : public redis::connection_events {
 public:
  events_as_messages(caf::actor_addr canary, std::uint64_t id)
      : canary_(std::move(canary)), id_(id) {}

  void on_open() override { tell(canary_opened{id_}); }
  void on_read(redis::reply_batch&& batch) override {
    for (const auto& reply : batch.replies)
      if (reply.kind == redis::reply_kind::error)
        tell(canary_reply{id_, std::string(batch.first(reply))});
  }
  void on_closed(const std::string& error, redis::failure_kind) override {
    tell(canary_closed{id_, error});
  }

 private:
  template <class Message>
  void tell(Message message) {
    if (auto canary = caf::actor_cast<caf::actor>(canary_))
      caf::anon_send(canary, std::move(message));
  }

  caf::actor_addr canary_;
  std::uint64_t id_;
};

}  // namespace

canary_state::~canary_state() {
  if (connection) connection->close();
}

caf::behavior canary_state::make_behavior(canary_config configuration) {
  config = std::move(configuration);
  config.deadline = std::min(config.deadline, config.interval);
  due_in(config.interval);
  return {
      [this](const channel_state& m) { on_state(m); },
      [this](const payload_batch& m) { on_message(m); },
      [this](canary_due) { on_due(); },
      [this](const redis_change& m) { on_change(m); },
      [this](const canary_opened& m) { on_opened(m); },
      [this](const canary_reply& m) { on_reply(m); },
      [this](const canary_closed& m) { on_closed(m); },
  };
}

void canary_state::on_state(const channel_state& state) {
  live = state.live;
  if (live) return;
  under_way = false;
  // A channel that Redis refuses, beside others that it serves, stays late.
  if (!link_up()) config.status->canary_ok = true;
}

/// The link reads from there now: what was published before says nothing.
void canary_state::on_change(const redis_change& change) {
  config.connection = change.connection;
  drop_connection();
  under_way = false;
  refused = false;
}

bool canary_state::link_up() const {
  return config.status->link == link_phase::up;
}

void canary_state::due_in(std::chrono::nanoseconds time) {
  due = self->clock().now() + time;
  self->delayed_send(self, time, canary_due{});
}

/// A message may wait behind the deadline, unread, if the thread did not run.
bool canary_state::wait_once_more() {
  const bool stalled =
      self->clock().now() > due + transport::io_loop::longest_delay;
  if (!judging || !stalled || std::exchange(extended, true)) return false;
  due_in(config.deadline);
  return true;
}

void canary_state::on_due() {
  if (wait_once_more()) return;
  auto next = config.interval;
  if (std::exchange(judging, false)) {
    if (std::exchange(under_way, false)) judge();
    next -= config.deadline;
  } else if (live || link_up()) {
    start();
    judging = true;
    next = config.deadline;
  }
  due_in(next);
}

void canary_state::start() {
  ++number;
  under_way = true;
  extended = false;
  started = self->clock().now();
  error = live ? "" : "not subscribed";
  if (!live) return;
  if (open) {
    publish();
  } else if (!connection) {
    connection = redis::open_connection(
        *config.loop, config.connection,
        std::make_unique<events_as_messages>(self->address(), ++connection_id));
  }
}

void canary_state::publish() {
  connection->send(
      {config.publish_command, config.channel, std::to_string(number)});
}

void canary_state::on_message(const payload_batch& batch) {
  const auto wanted = std::to_string(number);
  bool came = false;
  batch.for_each([&](std::string_view text) { came |= text == wanted; });
  if (!under_way || !came) return;
  under_way = false;
  refused = false;
  config.counters->canary.observe(self->clock().now() - started);
  mark(true);
}

void canary_state::judge() {
  // The link has been lost meanwhile, or the channel has just become live.
  if (!live && !link_up()) return;
  if (live && error == "not subscribed") return;
  // A connection of its own that is dead would look the same: take a new one.
  drop_connection();
  mark(false);
}

void canary_state::mark(bool ok) {
  if (!ok) ++config.counters->canary_failures;
  if (config.status->canary_ok.exchange(ok) == ok) return;
  const auto [run, name] = halves(config.channel);
  log(ok ? log_event::canary_back : log_event::canary_late,
      {{"run_id", run}, {"channel", name}, {"error", ok ? "" : error}});
}

void canary_state::on_opened(const canary_opened& opened) {
  if (opened.connection != connection_id || !connection) return;
  open = true;
  if (under_way) publish();
}

void canary_state::on_reply(const canary_reply& reply) {
  if (reply.connection != connection_id) return;
  error = reply.error;
  // The node that serves the channel is another one now.
  if (reply.error.starts_with("MOVED")) drop_connection();
  // Only a missing right says nothing of the delivery of messages.
  if (!reply.error.starts_with("NOPERM")) return;
  under_way = false;
  if (!std::exchange(refused, true))
    log(log_event::canary_refused, {{"error", reply.error}});
}

void canary_state::on_closed(const canary_closed& closed) {
  if (closed.connection != connection_id) return;
  error = closed.error;
  drop_connection();
}

void canary_state::drop_connection() {
  if (connection) connection->close();
  connection = nullptr;
  open = false;
}

}  // namespace status2::actors
