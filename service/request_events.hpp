/// Connects a listener with the rest of the broker: pages, the chaos door, the
/// limits of clients, the supervisor and the log.
#pragma once

#include "actors/counters.hpp"
#include "actors/rate_limit.hpp"
#include "actors/supervisor.hpp"
#include "service/admin.hpp"
#include "service/chaos_door.hpp"
#include "service/memory_reserve.hpp"
#include "transport/listener.hpp"

#include <caf/actor.hpp>

#include <memory>
#include <optional>

namespace status2::service {

/// Forwards the events of one listener. The objects that `parts` refers to must
/// outlive it. Thread: that of its listener.
class request_events final : public transport::listener_events {
 public:
  struct parts {
    admin& pages;
    std::shared_ptr<chaos_door> door;
    transport::admission& places;
    const memory_reserve& memory;
    const actors::broker_status& status;
    actors::broker_counters& counters;
    caf::actor supervisor;
  };

  explicit request_events(parts p) : parts_(std::move(p)) {}

  void on_page(const transport::page_request& request,
               transport::answer_function answer) override;
  std::optional<transport::http_reply> on_command_head(
      const transport::command_request& request) override;
  void on_command(transport::command_request&& request,
                  transport::answer_function answer) override;
  transport::admission_result on_admission(
      const transport::address& who) override;
  void on_upgrade(transport::upgrade_request&& request) override;
  void on_refused(const transport::refused_request& request) override;
  void on_tls_failed(std::string_view remote,
                     std::string_view problem) override;
  void on_accept_error(const boost::system::error_code& error) override;
  void on_request_failed(std::string_view what) noexcept override;

 private:
  const parts parts_;
  // Apart, so that wrong requests cannot hide that a limit is reached.
  actors::rate_limit wrong_requests_{1};     ///< log lines a second
  actors::rate_limit limited_requests_{1};   ///< log lines a second
  actors::rate_limit failed_handshakes_{1};  ///< log lines a second
};

}  // namespace status2::service
