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
#include "service/chaos_door.hpp"
#include "service/configuration.hpp"
#include "service/configuration_change.hpp"
#include "service/exit_codes.hpp"
#include "service/memory_reserve.hpp"
#include "service/memory_return.hpp"
#include "service/metrics.hpp"
#include "service/proxy_watch.hpp"
#include "service/reloader.hpp"
#include "transport/listener.hpp"
#include "transport/token_authority.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace status2::service {

/// Looks the names among `items` up, and logs what comes of it.
std::shared_ptr<proxy_watch> watch_proxies(
    boost::asio::io_context& loop, const std::vector<std::string>& items);

class broker {
 public:
  /// `again` reads the configuration anew for each reload, on a thread of the
  /// broker's own.
  broker(const load_result& loaded, configuration_loader again);
  ~broker();
  broker(const broker&) = delete;
  broker& operator=(const broker&) = delete;

  /// Serves until SIGTERM, SIGINT or SIGQUIT, then drains; a second signal cuts
  /// that short. SIGHUP reloads the configuration. Blocks: yes. Returns an exit
  /// code; why it could not serve is in the log.
  int serve();
  /// Whether all actors have ended. If not, after a second signal or the death
  /// of the supervisor, they run on: the caller writes out its log and leaves
  /// by std::_Exit, without destroying the broker.
  bool drained() const { return drained_; }

 private:
  /// A listener, and where it is called.
  struct listener_place {
    boost::asio::io_context* loop = nullptr;
    std::weak_ptr<transport::listener> target{};
    /// Calls `action` with the listener, unless it is gone. Thread: any.
    template <class Action>
    void post(Action action) const {
      if (loop == nullptr) return;
      boost::asio::post(*loop, [target = target, action = std::move(action)] {
        if (const auto listener = target.lock()) action(*listener);
      });
    }
  };
  /// A part that takes a reload: checks what is new, and returns what applies
  /// it. Thread: the reloader's; `apply` is called on the main thread.
  struct prepared {
    std::function<void()> apply{};  ///< empty: nothing has changed
    std::string error{};            ///< not empty: the reload is refused
  };
  using reload_step = std::function<prepared(const load_result& running,
                                             const load_result& next)>;

  /// Says how clients are served over TLS, if they are.
  void note_tls(const configuration& values);
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
  /// Passes a set of proxies to every listener.
  std::function<void(const transport::proxy_set&)> trust() const;
  void spawn_supervisor();
  actors::supervisor_config children();
  actors::redis_link_config link_config(const caf::actor& supervisor);
  actors::canary_config canary_config();
  void share_inbound_budget();
  /// `settings` with a name, the faults and a source for `url`. Thread: the
  /// first I/O thread, or any before it runs.
  redis::connection_settings find_redis(redis::connection_settings settings,
                                        const redis::redis_url& url);
  std::vector<const transport::io_counters*> session_counters() const;
  template <class Action>
  void post_to_home(Action action) {
    boost::asio::post(threads_.front()->loop().context(), std::move(action));
  }

  // Reload: broker_reload.cpp.
  std::vector<reload_step> reload_steps();
  /// Reads and checks. Returns what is to be done then. Thread: the reloader's.
  reloader::swap prepare_reload();
  prepared prepare_tokens(const load_result& running, const load_result& next);
  prepared prepare_redis(const load_result& running, const load_result& next);
  void refuse_reload(const std::string& error);
  void note_accepted();
  /// Passes values that are accepted on to all parts.
  void take(const configuration& values);
  void change_listeners(const configuration& values);
  void change_proxies(const configuration& values);

  void wait_for_hangup();
  void wait_for_signal(boost::asio::signal_set& signals);
  void drain();
  void stop_listening();
  void on_supervisor_down(const caf::error& reason);
  /// Has serve() return `code` as things are.
  void leave(int code);
  void stop_threads();

  const configuration config_;  ///< at the start: keys that need a restart
  load_result running_;  ///< read by the reloader, written between its reads
  const configuration_loader again_;
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
  /// One per I/O thread, which alone reads and replaces it.
  std::vector<std::unique_ptr<transport::session_settings>> sessions_;
  std::shared_ptr<transport::inbound_budget> inbound_;
  actors::system_config system_config_;
  caf::actor_system system_;
  metrics metrics_;
  admin admin_;
  std::shared_ptr<proxy_watch> proxies_;
  std::shared_ptr<chaos_door> door_;
  /// Null: clients need no tokens.
  const std::shared_ptr<transport::token_authority> tokens_;
  std::shared_ptr<transport::listener> listener_;
  std::shared_ptr<transport::listener> admin_listener_;
  listener_place viewers_;
  listener_place operators_;
  caf::actor supervisor_;
  boost::asio::io_context signals_;  ///< the main thread's own loop
  boost::asio::signal_set hangups_;
  reloader reloader_;
  bool draining_ = false;
  bool drained_ = true;  ///< unless serve() is left before
  int exit_code_ = exit_ok;
};

}  // namespace status2::service
