/// The subscriber actor: one a channel in use. On the main path: turns the
/// payloads of one read into one block of frames and sends it to the group. On
/// a large and busy channel a single message may wait for the next one.
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

namespace status2::actors {

struct subscriber_spec {
  caf::group viewers;
  broker_counters* counters = nullptr;
  /// Longest time that a message waits for another to go with it; 0: none.
  std::chrono::nanoseconds longest_wait{0};
};

/// Lives on the thread of the Redis link; the supervisor restarts it.
struct subscriber_state {
  static constexpr const char* name = "status2.subscriber";

  explicit subscriber_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(subscriber_spec spec);

  ~subscriber_state();
  void forward(const payload_batch& batch);
  void send_held();
  /// Until when a single message waits for the next one, to share its fan-out.
  /// It waits if it comes within four times the cost of the last one's fan-out,
  /// that is where single messages keep the thread busy for more than a quarter
  /// of the time, and as long at most; else it goes now.
  channel_group::time_point wait_until(channel_group::time_point now) const;
  void on_state(const channel_state& state);
  void tell_gap(const channel_group::gap_start& start);

  caf::event_based_actor* self;
  subscriber_spec spec;
  std::shared_ptr<transport::frame_block> held;  ///< null: nothing
  channel_group::time_point due{};  ///< when what is held goes alone
};

}  // namespace status2::actors
