/// The subscriber actor: one a channel in use. On the main path: turns the
/// payloads of one read into one block of frames and sends it to the group,
/// after a fan-out that took long not at once.
#pragma once

#include "actors/channel_groups.hpp"
#include "actors/counters.hpp"
#include "actors/messages.hpp"

#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/group.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace status2::actors {

struct subscriber_spec {
  std::string channel;
  caf::group viewers;
  broker_counters* counters = nullptr;
  /// Longest time that messages wait for others to go with them; 0: none.
  std::chrono::nanoseconds longest_rest{0};
};

/// Lives on the thread of the Redis link; the supervisor restarts it.
struct subscriber_state {
  static constexpr const char* name = "status2.subscriber";

  explicit subscriber_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(subscriber_spec spec);

  ~subscriber_state();
  void forward(const payload_batch& batch);
  /// Sends what is held back, or sees to it that it is sent when it is due.
  void send_or_hold();
  void send_held();
  /// When frames may be sent again. A single message that kept the thread long
  /// is followed by a rest three times as long: the next fan-out then carries
  /// others as well, for nothing, and other channels get their turn.
  channel_group::time_point rested() const;
  void on_state(const channel_state& state);
  void tell_gap(const channel_group::gap_start& start);

  caf::event_based_actor* self;
  subscriber_spec spec;
  std::shared_ptr<transport::frame_block> held;  ///< null: nothing
  bool timer_set = false;
};

}  // namespace status2::actors
