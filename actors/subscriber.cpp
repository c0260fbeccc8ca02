#include "actors/subscriber.hpp"

#include "actors/channel_groups.hpp"

#include <memory>
#include <string_view>
#include <utility>

namespace status2::actors {

caf::behavior subscriber_state::make_behavior(subscriber_spec spec) {
  viewers = std::move(spec.viewers);
  return {
      [this](const payload_batch& batch) { forward(batch); },
      [this](channel_state state) { on_state(state.live); },
  };
}

void subscriber_state::forward(const payload_batch& batch) {
  // What nobody watches (the linger after the last viewer) is not encoded.
  if (channel_group::of(viewers).size() == 0) return;
  auto block = std::make_shared<transport::frame_block>();
  // The envelope and a frame header fit in 64 bytes.
  block->bytes.reserve(batch.bytes.size() + 64 * batch.ends.size());
  std::string_view rest = batch.bytes;
  std::uint32_t start = 0;
  for (auto end : batch.ends) {
    transport::append_status_frame(block->bytes,
                                   rest.substr(start, end - start));
    start = end;
  }
  block->messages = static_cast<std::uint32_t>(batch.ends.size());
  self->send(viewers, frame_message{std::move(block)});
}

void subscriber_state::on_state(bool live) {
  // First the flag, then the message: a session that joins in between sees
  // one of the two.
  channel_group::of(viewers).live(live);
  if (live) self->send(viewers, channel_live{});
}

}  // namespace status2::actors
