/// The subscriber actor: one a channel in use. On the main path: turns the
/// payloads of one read into one block of frames and sends it to the group.
#pragma once

#include "actors/channel_groups.hpp"
#include "actors/counters.hpp"
#include "actors/messages.hpp"

#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/group.hpp>

#include <cstdint>
#include <string>

namespace status2::actors {

struct subscriber_spec {
  std::string channel;
  caf::group viewers;
  broker_counters* counters = nullptr;
};

/// Lives on the thread of the Redis link; the supervisor restarts it.
struct subscriber_state {
  static constexpr const char* name = "status2.subscriber";

  explicit subscriber_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(subscriber_spec spec);

  void forward(const payload_batch& batch);
  void on_state(const channel_state& state);
  void tell_gap(const channel_group::gap_start& start);

  caf::event_based_actor* self;
  caf::group viewers;
  broker_counters* counters = nullptr;
};

}  // namespace status2::actors
