/// The running broker: I/O threads, actor system, listener and signals, put
/// together from a configuration. Everything with a life of its own starts and
/// ends here.
#pragma once

#include "actors/canary.hpp"
#include "actors/counters.hpp"
#include "actors/io_thread.hpp"
#include "actors/redis_link.hpp"
#include "actors/session.hpp"
#include "actors/supervisor.hpp"
#include "actors/system_config.hpp"
#include "service/admin.hpp"
#include "service/configuration.hpp"
#include "service/exit_codes.hpp"
#include "service/metrics.hpp"
#include "transport/listener.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace status2::service {

class broker {
 public:
  explicit broker(const configuration& values);
  ~broker();
  broker(const broker&) = delete;
  broker& operator=(const broker&) = delete;

  /// Serves until SIGTERM or SIGINT, then drains; a second signal cuts that
  /// short. Blocks: yes. Returns an exit code; why it could not serve is in the
  /// log.
  int serve();
  /// Whether all actors have ended. If not, after a second signal or the death
  /// of the supervisor, they run on: the caller writes out its log and leaves
  /// by std::_Exit, without destroying the broker.
  bool drained() const { return drained_; }

 private:
  std::function<std::string()> render_metrics() const;
  bool listen();
  void spawn_supervisor();
  actors::supervisor_config children();
  actors::redis_link_config link_config(const caf::actor& supervisor);
  actors::canary_config canary_config();
  redis::connection_settings redis_settings() const;
  transport::session_settings session_settings() const;
  void wait_for_signal(boost::asio::signal_set& signals);
  void drain();
  void stop_listening();
  void on_supervisor_down(const caf::error& reason);
  /// Has serve() return `code` as things are.
  void leave(int code);
  void stop_threads();

  const configuration config_;
  actors::broker_counters counters_;
  actors::broker_status status_;
  transport::admission admission_;
  /// Both are touched on the first I/O thread only.
  std::shared_ptr<redis::upstream_fault> fault_;
  std::shared_ptr<actors::link_memory> link_memory_;
  const std::string canary_channel_;
  std::vector<std::unique_ptr<actors::io_thread>> threads_;
  const transport::session_settings sessions_;
  actors::system_config system_config_;
  caf::actor_system system_;
  metrics metrics_;
  admin admin_;
  std::shared_ptr<transport::listener> listener_;
  caf::actor supervisor_;
  boost::asio::io_context signals_;  ///< the main thread's own loop
  bool draining_ = false;
  bool drained_ = true;  ///< unless serve() is left before
  int exit_code_ = exit_ok;
};

}  // namespace status2::service
