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
      [this](const wait_over& over) {
        if (over.due == due) send_held();
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
  // Beyond this a send costs by its bytes, and sharing one gains nothing.
  constexpr std::size_t most_held = 65536;
  if (held->messages > 1 || held->bytes.size() >= most_held) return send_held();
  const auto now = self->clock().now();
  due = wait_until(now);
  if (now >= due) return send_held();
  self->delayed_send(self, due - now, wait_over{due});
}

void subscriber_state::send_held() {
  if (held)
    self->send(spec.viewers, frame_message{std::exchange(held, nullptr)});
}

channel_group::time_point subscriber_state::wait_until(
    channel_group::time_point now) const {
  const auto& last = channel_group::of(spec.viewers).last_fan_out();
  const auto window = std::min(4 * last.cost, spec.longest_wait);
  const bool busy = last.messages == 1 && now < last.start + window;
  return busy ? now + window : now;
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
