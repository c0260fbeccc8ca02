/// The running broker: I/O threads, actor system, listener and signals, put
/// together from a configuration. Everything with a life of its own starts and
/// ends here.
#pragma once

#include "actors/canary.hpp"
#include "actors/counters.hpp"
#include "actors/io_thread.hpp"
#include "actors/latch_store.hpp"
#include "actors/redis_link.hpp"
#include "actors/session.hpp"
#include "actors/supervisor.hpp"
#include "actors/system_config.hpp"
#include "service/admin.hpp"
#include "service/configuration.hpp"
#include "service/exit_codes.hpp"
#include "service/memory_reserve.hpp"
#include "service/memory_return.hpp"
#include "service/metrics.hpp"
#include "service/proxy_watch.hpp"
#include "transport/listener.hpp"
#include "transport/token_authority.hpp"

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

  /// Serves until SIGTERM, SIGINT or SIGQUIT, then drains; a second signal cuts
  /// that short. Blocks: yes. Returns an exit code; why it could not serve is
  /// in the log.
  int serve();
  /// Whether all actors have ended. If not, after a second signal or the death
  /// of the supervisor, they run on: the caller writes out its log and leaves
  /// by std::_Exit, without destroying the broker.
  bool drained() const { return drained_; }

  /// Judges tokens by other keys from now on, without an effect if clients need
  /// no tokens; see token_authority::replace(). Thread: any.
  void replace_tokens(transport::token_rules rules);

 private:
  std::function<std::string()> render_metrics() const;
  /// Says how clients are served over TLS, if they are.
  void note_tls();
  /// Opens the ports. Errors: false, which is logged.
  bool listen();
  /// Looks the names of proxies up. Blocks: until the first answers, at most
  /// two seconds.
  void find_proxies();
  /// Every listener knows the proxies before it starts.
  void start_listening();
  /// Opens every one of `addresses`. Errors: null, which is logged.
  static std::shared_ptr<transport::listener> open(
      actors::io_thread& thread, const std::vector<std::string>& addresses,
      const transport::listener_settings& settings,
      std::unique_ptr<transport::listener_events> events);
  void spawn_supervisor();
  actors::supervisor_config children();
  actors::redis_link_config link_config(const caf::actor& supervisor);
  actors::canary_config canary_config();
  void share_inbound_budget();
  void find_redis();
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
  actors::tail_store tails_;
  actors::latch_store latches_;
  actors::broker_status status_;
  transport::admission admission_;
  /// Both are touched on the first I/O thread only.
  std::shared_ptr<redis::upstream_fault> fault_;
  std::shared_ptr<actors::link_memory> link_memory_;
  const std::string canary_channel_;
  std::vector<std::unique_ptr<actors::io_thread>> threads_;
  std::unique_ptr<actors::io_thread> admin_thread_;
  memory_return memory_return_;
  reserve_watch reserve_watch_;
  /// Used on the first I/O thread only.
  redis::connection_settings redis_;
  std::shared_ptr<redis::cluster_source> cluster_;  ///< of sharded Pub/Sub
  const transport::session_settings sessions_;
  actors::system_config system_config_;
  caf::actor_system system_;
  metrics metrics_;
  admin admin_;
  const std::shared_ptr<proxy_watch> proxies_;
  /// Null: clients need no tokens.
  const std::shared_ptr<transport::token_authority> tokens_;
  std::shared_ptr<transport::listener> listener_;
  std::shared_ptr<transport::listener> admin_listener_;
  caf::actor supervisor_;
  boost::asio::io_context signals_;  ///< the main thread's own loop
  bool draining_ = false;
  bool drained_ = true;  ///< unless serve() is left before
  int exit_code_ = exit_ok;
};

}  // namespace status2::service
