#include "actors/session.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/rate_limit.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace status2::actors {

namespace {

/// Turns what the socket reports into messages. Knows the actor weakly: a
/// socket outlives a killed actor until its close is on the way.
class events_as_messages final : public transport::session_events {
 public:
  explicit events_as_messages(caf::actor_addr session)
      : session_(std::move(session)) {}

  void on_init() override { tell(session_init{}); }
  void on_emptied() override { tell(session_emptied{}); }
  void on_malformed(std::string_view text) override {
    tell(session_malformed{std::string(text)});
  }
  void on_token_refused(transport::token_fault why) override {
    tell(session_token_refused{why});
  }
  void on_closed(const transport::close_report& report) override {
    tell(session_closed{report});
  }

 private:
  template <class Message>
  void tell(Message message) {
    if (auto session = caf::actor_cast<caf::actor>(session_))
      caf::anon_send(session, std::move(message));
  }

  caf::actor_addr session_;
};

/// Lines that clients can cause are bounded: so many a second for each reason
/// and I/O thread. Returns how many were left out since the last one, or
/// nothing if this one is left out.
std::optional<std::uint64_t> admit_line(transport::close_reason reason) {
  constexpr std::uint32_t lines = 20;
  using transport::close_level;
  using transport::close_reason;
  const bool by_client = reason != close_reason::shutdown &&
                         reason != close_reason::internal_error;
  if (!by_client || transport::describe(reason).level == close_level::debug)
    return 0;
  thread_local std::vector<rate_limit> limits(transport::close_reason_count,
                                              rate_limit{lines});
  return limits[static_cast<std::size_t>(reason)].admit(
      std::chrono::steady_clock::now());
}

}  // namespace

log_event event_of(transport::close_reason reason) {
  using transport::close_level;
  switch (transport::describe(reason).level) {
    case close_level::debug:
      return log_event::client_disconnected;
    case close_level::info:
      return log_event::client_closed;
    case close_level::warn:
      break;
  }
  return reason == transport::close_reason::slow_consumer
             ? log_event::slow_consumer
             : log_event::client_dropped;
}

caf::behavior session_state::make_behavior(session_spec spec) {
  channel = std::move(spec.channel);
  name_of_channel = spec.request->channel;
  const auto options = spec.request->options;
  auto* bound = dynamic_cast<io_actor*>(self);
  socket = std::make_unique<transport::client_session>(
      bound->thread().loop(), std::move(*spec.request), *spec.settings,
      std::make_unique<events_as_messages>(self->address()),
      channel_group::of(channel).tally(bound->thread().index()));
  if (options.replay) replay.emplace(self, channel, options, socket->sink());
  bound->sink(replay ? &replay->sink() : &socket->sink(), options.kind());
  self->join(channel);
  socket->start();
  if (replay) replay->begin();
  log(log_event::client_connected,
      {{"run_id", name_of_channel.run()},
       {"channel", name_of_channel.channel()},
       {"session", static_cast<std::int64_t>(self->id())},
       {"remote", socket->remote()}});
  return {
      [this](session_init) { on_init(); },
      [this](channel_live) { on_live(); },
      [this](const replay_part& part) { replay->on_part(part); },
      [this](session_emptied) { replay->on_emptied(); },
      [this](const session_malformed& m) { on_malformed(m.text); },
      [this](session_token_refused m) { on_token_refused(m.why); },
      [this](const session_closed& m) { on_closed(m.report); },
      [this](drain) { socket->close(transport::close_reason::shutdown); },
  };
}

void session_state::on_init() {
  // The order matters: first wait, then look. The subscriber sets the flag
  // before it sends channel_live.
  init_waits = true;
  if (channel_group::of(channel).live()) answer_init();
}

void session_state::on_live() {
  if (replay) replay->on_live();
  answer_init();
}

void session_state::answer_init() {
  if (std::exchange(init_waits, false)) socket->send_ping();
}

void session_state::on_malformed(const std::string& text) {
  // One line a second an I/O thread, whatever clients send.
  thread_local rate_limit limit{1};
  auto suppressed = limit.admit(std::chrono::steady_clock::now());
  if (!suppressed) return;
  log(log_event::malformed_message,
      {{"run_id", name_of_channel.run()},
       {"channel", name_of_channel.channel()},
       {"session", static_cast<std::int64_t>(self->id())},
       {"remote", socket->remote()},
       {"text", text},
       {"suppressed", static_cast<std::int64_t>(*suppressed)}});
}

void session_state::on_token_refused(transport::token_fault why) {
  thread_local rate_limit limit{1};
  auto suppressed = limit.admit(std::chrono::steady_clock::now());
  if (!suppressed) return;
  const auto& row = transport::describe(why);
  log(log_event::token_refused,
      {{"run_id", name_of_channel.run()},
       {"channel", name_of_channel.channel()},
       {"session", static_cast<std::int64_t>(self->id())},
       {"remote", socket->remote()},
       {"reason", row.label},
       {"error", row.text},
       {"suppressed", static_cast<std::int64_t>(*suppressed)}});
}

void session_state::on_closed(const transport::close_report& report) {
  log_closed(report);
  self->quit();
}

void session_state::log_closed(const transport::close_report& report) const {
  const auto suppressed = admit_line(report.reason);
  if (!suppressed) return;
  log(event_of(report.reason),
      {{"run_id", name_of_channel.run()},
       {"channel", name_of_channel.channel()},
       {"session", static_cast<std::int64_t>(self->id())},
       {"remote", socket->remote()},
       {"reason", transport::describe(report.reason).label},
       {"code", static_cast<std::int64_t>(report.peer_code)},
       {"sent", static_cast<std::int64_t>(report.messages_sent)},
       {"discarded", static_cast<std::int64_t>(report.messages_discarded)},
       {"error", report.error},
       {"suppressed", static_cast<std::int64_t>(*suppressed)}});
}

}  // namespace status2::actors
