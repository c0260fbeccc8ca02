#include "actors/subscriber.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace status2::actors {

subscriber_state::~subscriber_state() {
  if (held) caf::anon_send(spec.viewers, frame_message{std::move(held)});
}

caf::behavior subscriber_state::make_behavior(subscriber_spec what) {
  spec = std::move(what);
  return {
      [this](const payload_batch& batch) { forward(batch); },
      [this](const channel_state& state) { on_state(state); },
      [this](rest_over) {
        timer_set = false;
        if (held) send_or_hold();
      },
  };
}

void subscriber_state::forward(const payload_batch& batch) {
  // What nobody watches (the linger after the last viewer) is not encoded.
  if (channel_group::of(spec.viewers).size() == 0) {
    spec.counters->messages_unwatched += batch.count;
    return;
  }
  spec.counters->messages_fanned_out += batch.count;
  if (!held) held = std::make_shared<transport::frame_block>();
  // The envelope and a frame header fit in 64 bytes.
  held->bytes.reserve(held->bytes.size() + batch.bytes +
                      std::size_t{64} * batch.count);
  batch.for_each([&](std::string_view payload) {
    transport::append_status_frame(held->bytes, payload);
  });
  held->messages += batch.count;
  send_or_hold();
}

void subscriber_state::send_or_hold() {
  // Beyond this a send costs by its bytes, and waiting for more gains nothing.
  constexpr std::size_t most_held = 65536;
  const auto due = rested();
  const auto now =
      due == channel_group::time_point{} ? due : self->clock().now();
  if (now >= due || held->bytes.size() >= most_held) return send_held();
  if (std::exchange(timer_set, true)) return;
  self->delayed_send(self, due - now, rest_over{});
}

void subscriber_state::send_held() {
  if (held)
    self->send(spec.viewers, frame_message{std::exchange(held, nullptr)});
}

channel_group::time_point subscriber_state::rested() const {
  constexpr auto long_work = std::chrono::milliseconds{3};
  const auto& last = channel_group::of(spec.viewers).last_fan_out();
  if (last.messages != 1 || last.took < long_work) return {};
  return last.end + std::min<channel_group::time_point::duration>(
                        3 * last.took, spec.longest_rest);
}

void subscriber_state::on_state(const channel_state& state) {
  using transport::gap_cause;
  auto& group = channel_group::of(spec.viewers);
  send_held();  // before what is told now
  if (!state.live) {
    group.interrupt({state.since, gap_cause::redis});
    return;
  }
  if (state.since != decltype(state.since){})
    tell_gap({state.since, gap_cause::redis});
  // First the flag, then the message: a session that joins in between sees
  // one of the two.
  if (const auto start = group.revive()) tell_gap(*start);
  self->send(spec.viewers, channel_live{});
}

void subscriber_state::tell_gap(const channel_group::gap_start& start) {
  using transport::gap;
  const auto until = gap::time_point::clock::now();
  const auto length = std::chrono::duration_cast<gap::time_point::duration>(
      self->clock().now() - start.since);
  self->send(spec.viewers, frame_message{transport::gap_frame(
                               {until - length, until, start.cause})});
}

}  // namespace status2::actors
