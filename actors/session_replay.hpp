/// A session's side of a replay: asks the subscriber for its parts and joins
/// them to the live messages.
#pragma once

#include "actors/messages.hpp"
#include "actors/replay.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/group.hpp>

namespace status2::actors {

/// Thread: that of its session, which forwards these messages and events.
class session_replay {
 public:
  /// `self` joins `channel`, with sink(), before begin().
  session_replay(caf::event_based_actor* self, caf::group channel,
                 transport::watch_options options,
                 transport::frame_sink& client);

  transport::frame_sink& sink() { return sink_; }
  void begin() { ask(); }
  void on_part(const replay_part& part);
  void on_emptied();
  /// channel_live: an earlier question may have died with the subscriber.
  void on_live();

 private:
  void ask();

  caf::event_based_actor* self_;
  caf::group channel_;
  transport::watch_options options_;
  replay_sink sink_;
};

}  // namespace status2::actors
