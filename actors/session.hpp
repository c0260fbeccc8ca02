/// The session actor: one a client, on the I/O thread of its socket, joined to
/// the group of its channel.
#pragma once

#include "actors/log.hpp"
#include "actors/messages.hpp"
#include "actors/session_replay.hpp"
#include "transport/client_session.hpp"
#include "transport/io_loop.hpp"
#include "transport/upgrade.hpp"

#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/group.hpp>

#include <memory>
#include <optional>
#include <string>

namespace status2::actors {

struct session_spec {
  std::shared_ptr<transport::upgrade_request> request;
  caf::group channel;
  std::size_t thread = 0;  ///< index of the I/O thread that serves it
  /// What all sessions share; outlives them.
  const transport::session_settings* settings = nullptr;
};

/// The line that tells of a close, of the level in the reason's row.
log_event event_of(transport::close_reason reason);

/// Must be spawned with spawn_bound(): the socket belongs to its thread.
/// Its death closes its own socket and nothing else.
struct session_state {
  static constexpr const char* name = "status2.session";

  explicit session_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(session_spec spec);

  void on_init();
  void on_live();
  void answer_init();
  void on_malformed(const std::string& text);
  void on_token_refused(transport::token_fault why);
  void on_closed(const transport::close_report& report);
  void log_closed(const transport::close_report& report) const;

  caf::event_based_actor* self;
  caf::group channel;
  transport::channel_name name_of_channel;
  bool init_waits = false;  ///< for Redis to acknowledge the channel
  std::unique_ptr<transport::client_session> socket;
  std::optional<session_replay> replay;  ///< nothing: the client wants none
};

}  // namespace status2::actors
