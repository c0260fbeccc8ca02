#include "actors/subscriber.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace status2::actors {

caf::behavior subscriber_state::make_behavior(subscriber_spec spec) {
  viewers = std::move(spec.viewers);
  counters = spec.counters;
  return {
      [this](const payload_batch& batch) { forward(batch); },
      [this](const channel_state& state) { on_state(state); },
  };
}

void subscriber_state::forward(const payload_batch& batch) {
  // What nobody watches (the linger after the last viewer) is not encoded.
  if (channel_group::of(viewers).size() == 0) {
    counters->messages_unwatched += batch.count;
    return;
  }
  counters->messages_fanned_out += batch.count;
  auto block = std::make_shared<transport::frame_block>();
  // The envelope and a frame header fit in 64 bytes.
  block->bytes.reserve(batch.bytes + std::size_t{64} * batch.count);
  batch.for_each([&](std::string_view payload) {
    transport::append_status_frame(block->bytes, payload);
  });
  block->messages = batch.count;
  self->send(viewers, frame_message{std::move(block)});
}

void subscriber_state::on_state(const channel_state& state) {
  using transport::gap_cause;
  auto& group = channel_group::of(viewers);
  if (!state.live) {
    group.interrupt({state.since, gap_cause::redis});
    return;
  }
  if (state.since != decltype(state.since){})
    tell_gap({state.since, gap_cause::redis});
  // First the flag, then the message: a session that joins in between sees
  // one of the two.
  if (const auto start = group.revive()) tell_gap(*start);
  self->send(viewers, channel_live{});
}

void subscriber_state::tell_gap(const channel_group::gap_start& start) {
  using transport::gap;
  const auto until = gap::time_point::clock::now();
  const auto length = std::chrono::duration_cast<gap::time_point::duration>(
      self->clock().now() - start.since);
  self->send(viewers, frame_message{transport::gap_frame(
                          {until - length, until, start.cause})});
}

}  // namespace status2::actors
