#include "actors/subscriber.hpp"

#include "actors/framer.hpp"
#include "actors/io_actor.hpp"
#include "actors/replay.hpp"
#include "transport/encoder.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace status2::actors {

subscriber_state::~subscriber_state() {
  if (held_messages == 0) return;
  for (auto& block : held)
    if (block) caf::anon_send(spec.viewers, frame_message{std::move(block)});
  note_handed_on();
}

caf::behavior subscriber_state::make_behavior(subscriber_spec what) {
  spec = std::move(what);
  channel_group::of(spec.viewers).subscriber(self->address());
  return {
      [this](const payload_batch& batch) { forward(batch); },
      [this](const channel_state& state) { on_state(state); },
      [this](const wait_over& over) {
        if (over.due == due) send_held();
      },
      [this](const replay_wanted& wanted) { on_replay_wanted(wanted); },
  };
}

void subscriber_state::forward(const payload_batch& batch) {
  if (batch.too_large > 0 || !is_encoded_here(batch.bytes))
    return forward_apart(batch);
  last_number = batch.number;
  complete_until = batch.read->complete_until;
  auto& group = channel_group::of(spec.viewers);
  const auto now = self->clock().now();
  const auto first = spec.tail->last() + 1;
  batch.for_each([&](std::string_view payload) { keep(payload, now); });
  bool watched = false;
  std::size_t bytes = 0;
  for (const auto kind : transport::encodings) {
    if (group.size(kind) > 0) {
      encode(kind, batch, first);
      watched = true;
    }
    if (const auto& block = held[index_of(kind)])
      bytes = std::max(bytes, block->bytes.size());
  }
  // The channel lingers after its last viewer.
  if (!watched) {
    spec.counters->messages_unwatched += batch.count;
    return send_held();
  }
  spec.counters->messages_fanned_out += batch.count;
  held_messages += batch.count;
  // Beyond this a send costs by its bytes, and sharing one gains nothing.
  constexpr std::size_t most_held = 65536;
  if (held_messages > 1 || bytes >= most_held) return send_held();
  due = wait_until(now);
  if (now >= due) return send_held();
  self->delayed_send(self, due - now, wait_over{due});
}

void subscriber_state::keep(std::string_view payload,
                            channel_group::time_point now) {
  const auto number = spec.tail->add(payload, now);
  if (spec.latches != nullptr)
    spec.latches->offer(spec.viewers.get()->identifier(),
                        {spec.tail->epoch(), number}, payload, now);
}

void subscriber_state::encode(transport::encoding kind,
                              const payload_batch& batch, std::uint64_t first) {
  auto& block = held[index_of(kind)];
  if (!block) {
    block = std::make_shared<transport::frame_block>();
    block->kind = kind;
    block->after_replay = replay_made;
  }
  reserve_for(*block, batch.bytes, batch.count);
  const auto& epoch = spec.tail->epoch();
  auto number = first;
  batch.for_each([&](std::string_view payload) {
    transport::append_message(*block, {epoch, number++}, payload);
  });
}

void subscriber_state::forward_apart(const payload_batch& batch) {
  send_held();
  auto& group = channel_group::of(spec.viewers);
  const auto number = batch.number;
  const auto complete = batch.read->complete_until;
  const auto now = self->clock().now();
  blocks_wanted wanted;
  wanted.batch = batch;
  wanted.missing = gap_from(
      {group.gaps().complete_until(), transport::gap_cause::too_large});
  wanted.epoch = spec.tail->epoch();
  wanted.first = spec.tail->last() + 1;
  batch.for_each([&](std::string_view payload) { keep(payload, now); },
                 [&] { spec.tail->add(wanted.missing, now); });
  for (const auto kind : transport::encodings)
    if (group.size(kind) > 0) wanted.kinds.push_back(kind);
  if (wanted.kinds.empty()) {
    spec.counters->messages_unwatched += batch.messages();
    return hand_on({}, number, complete);
  }
  spec.counters->messages_fanned_out += batch.messages();
  if (is_encoded_here(batch.bytes))
    return hand_on(blocks_of(wanted), number, complete);
  const auto framer = spawn_detached<framer_state>(self->home_system());
  self->request(framer, caf::infinite, std::move(wanted))
      .await(
          [=, this](const blocks_made& made) {
            hand_on(made.blocks, number, complete);
          },
          [](const caf::error&) {
            throw std::runtime_error("a large message was not encoded");
          });
}

void subscriber_state::hand_on(const std::vector<transport::frame_ptr>& blocks,
                               std::uint64_t number,
                               channel_group::time_point complete) {
  for (const auto& block : blocks) {
    count_deflated(*block);
    self->send(spec.viewers, frame_message{block});
  }
  last_number = number;
  complete_until = complete;
  note_handed_on();
}

void subscriber_state::send_held() {
  if (std::exchange(held_messages, 0) > 0) {
    for (auto& block : held) {
      if (!block) continue;
      count_deflated(*block);
      self->send(spec.viewers, frame_message{std::exchange(block, nullptr)});
    }
    replay_made = false;
  }
  note_handed_on();
}

void subscriber_state::count_deflated(
    const transport::frame_block& block) const {
  if (block.uncompressed == 0) return;
  spec.counters->deflate_input += static_cast<std::int64_t>(block.uncompressed);
  spec.counters->deflate_output +=
      static_cast<std::int64_t>(block.bytes.size());
}

bool subscriber_state::is_encoded_here(std::size_t bytes) const {
  // Nearly every batch, without a look at who wants compression.
  if (bytes <= most_compressed_here) return true;
  const auto& group = channel_group::of(spec.viewers);
  for (const auto kind : transport::encodings)
    if (is_deflated(kind) && group.size(kind) > 0) return false;
  return bytes <= most_encoded_here;
}

void subscriber_state::note_handed_on() const {
  channel_group::of(spec.viewers).gaps().handed_on(last_number, complete_until);
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
  auto& gaps = channel_group::of(spec.viewers).gaps();
  send_held();  // before what is told now
  last_number = state.number;
  gaps.handled(state.number);
  // Without a time everything since the channel became live may be missing.
  if (!state.live || state.since)
    gaps.interrupt(
        {state.since.value_or(channel_group::time_point{}), gap_cause::redis});
  // The next link subscribes the channel anew and says so again.
  if (!state.live || gaps.outdated(state.number)) return;
  const auto now = self->clock().now();
  spec.tail->begin(now);
  // First the flag, then the message: a session that joins in between sees
  // one of the two.
  if (const auto start = gaps.revive(now)) tell_gap(*start);
  self->send(spec.viewers, channel_live{});
}

void subscriber_state::tell_gap(const gap_ledger::gap_start& start) {
  auto& group = channel_group::of(spec.viewers);
  const auto missing = gap_from(start);
  const auto number = spec.tail->add(missing, self->clock().now());
  for (const auto kind : transport::encodings)
    if (group.size(kind) > 0)
      self->send(spec.viewers,
                 frame_message{
                     encode_gap(kind, {spec.tail->epoch(), number}, missing)});
}

transport::gap subscriber_state::gap_from(
    const gap_ledger::gap_start& start) const {
  using transport::gap;
  const auto until = gap::time_point::clock::now();
  const auto length = std::chrono::duration_cast<gap::time_point::duration>(
      self->clock().now() - start.since);
  return {until - length, until, start.cause};
}

void subscriber_state::on_replay_wanted(const replay_wanted& wanted) {
  auto& tail = *spec.tail;
  // The session asks again when the channel is live.
  if (!tail.begun()) return;
  // The part ends with the newest message: those that are held come first.
  send_held();
  const auto now = self->clock().now();
  const auto* word =
      spec.latches == nullptr
          ? nullptr
          : spec.latches->find(spec.viewers.get()->identifier(), now);
  auto part = make_replay_part(tail, wanted, now, word);
  replay_made = true;
  if (part.resumption) {
    auto& counters = *spec.counters;
    ++(part.progress.complete ? counters.replays_complete
                              : counters.replays_incomplete);
  }
  self->send(wanted.session, std::move(part));
}

}  // namespace status2::actors
