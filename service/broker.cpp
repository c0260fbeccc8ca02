#include "service/broker.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/log.hpp"
#include "actors/redis_link.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <csignal>
#include <cstdlib>
#include <limits>
#include <utility>

namespace status2::service {

using actors::log;
using actors::log_event;

namespace {

/// What the listener tells, passed on to the actors.
class clients_to_supervisor final : public transport::listener_events {
 public:
  clients_to_supervisor(const admin& pages, actors::broker_status& status,
                        caf::actor supervisor)
      : admin_(pages), status_(status), supervisor_(std::move(supervisor)) {}

  std::optional<transport::http_reply> on_admin(
      std::string_view path) override {
    return admin_.answer(path);
  }
  void on_upgrade(transport::upgrade_request&& request) override {
    ++status_.sessions;
    caf::anon_send(
        supervisor_,
        actors::client_accepted{
            std::make_shared<transport::upgrade_request>(std::move(request))});
  }
  std::size_t open_sessions() const override {
    // While the broker drains there is room for nobody.
    return status_.draining ? std::numeric_limits<std::size_t>::max()
                            : status_.sessions.load();
  }
  void on_accept_error(const boost::system::error_code& error) override {
    log(log_event::accept_failed, {{"error", error.message()}});
  }

 private:
  const admin& admin_;
  actors::broker_status& status_;
  caf::actor supervisor_;
};

std::vector<std::unique_ptr<actors::io_thread>> make_threads(std::size_t n) {
  std::vector<std::unique_ptr<actors::io_thread>> threads;
  for (std::size_t i = 0; i < n; ++i)
    threads.push_back(std::make_unique<actors::io_thread>(i));
  return threads;
}

std::vector<const transport::io_counters*> counters_of(
    const std::vector<std::unique_ptr<actors::io_thread>>& threads) {
  std::vector<const transport::io_counters*> counters;
  for (auto& thread : threads)
    counters.push_back(&thread->loop().counters());
  return counters;
}

transport::session_settings session_settings_of(const configuration& c) {
  return {.ping_interval = c.ping_interval,
          .pong_timeout = c.pong_timeout,
          .write_timeout = c.write_timeout,
          .max_message_size = c.max_message_size,
          .outbox_limit = c.outbox_bytes,
          .hangup = c.hangup};
}

transport::listener_settings listener_settings_of(const configuration& c) {
  return {.path_prefix = c.path_prefix,
          .allowed_origins = c.allowed_origins,
          .handshake_timeout = c.handshake_timeout,
          .max_header_size = c.max_header_size,
          .max_connections = c.max_connections};
}

}  // namespace

broker::broker(const configuration& values)
    : config_(values),
      sessions_{session_settings_of(values)},
      threads_(make_threads(values.io_threads)),
      system_config_(values.io_threads),
      system_(system_config_),
      metrics_(counters_of(threads_), counters_),
      admin_(status_, render_metrics()) {}

broker::~broker() {
  stop_threads();
}

int broker::serve() {
  boost::asio::signal_set signals{signals_, SIGTERM, SIGINT};
  wait_for_signal(signals);
  for (auto& thread : threads_) {
    thread->attach(system_);
    thread->start();
  }
  spawn_supervisor();
  if (listen()) {
    log(log_event::listening, {{"address", config_.listen_addr},
                               {"port", std::int64_t{listener_->port()}}});
  } else {
    exit_code_ = exit_failed;
    drain();
  }
  signals_.run();
  if (exit_code_ == exit_supervisor_died) return exit_code_;
  stop_listening();
  supervisor_ = nullptr;
  system_.await_all_actors_done();
  stop_threads();
  log(log_event::stopped, {{"code", std::int64_t{exit_code_}}});
  return exit_code_;
}

std::function<std::string()> broker::render_metrics() const {
  if (!config_.metrics_enabled) return {};
  return [this] { return metrics_.text(); };
}

bool broker::listen() {
  auto& loop = threads_.back()->loop();
  auto listener = std::make_shared<transport::listener>(
      loop, listener_settings_of(config_),
      std::make_unique<clients_to_supervisor>(admin_, status_, supervisor_));
  if (auto error = listener->open(config_.listen_addr)) {
    log(log_event::serve_failed,
        {{"address", config_.listen_addr}, {"error", error.message()}});
    return false;
  }
  listener_ = std::move(listener);
  boost::asio::post(loop.context(), [l = listener_] { l->start(); });
  return true;
}

void broker::spawn_supervisor() {
  supervisor_ = actors::spawn_bound<actors::supervisor_state>(
      system_, *threads_.front(), children());
  supervisor_->attach_functor([this](const caf::error& reason) {
    boost::asio::post(signals_, [this, reason] { on_supervisor_down(reason); });
  });
}

actors::supervisor_config broker::children() {
  actors::supervisor_config config;
  auto& home = *threads_.front();
  config.spawn_link = [this, &home](const caf::actor& supervisor) {
    return actors::spawn_bound<actors::redis_link_state>(
        system_, home, link_config(supervisor));
  };
  config.spawn_subscriber = [this, &home](actors::subscriber_spec spec) {
    return actors::spawn_bound<actors::subscriber_state>(system_, home,
                                                         std::move(spec));
  };
  config.spawn_session = [this](actors::session_spec spec) {
    auto& thread = *threads_[spec.thread];
    return actors::spawn_bound<actors::session_state>(
        system_, thread, std::move(spec),
        const_cast<const actors::session_environment*>(&sessions_));
  };
  config.channel_linger = config_.channel_linger;
  config.threads = threads_.size();
  config.counters = &counters_;
  config.status = &status_;
  return config;
}

actors::redis_link_config broker::link_config(const caf::actor& supervisor) {
  actors::redis_link_config config;
  config.loop = &threads_.front()->loop().context();
  config.connection.url = config_.redis;
  config.connection.request_timeout = config_.redis_request_timeout;
  config.machine.request_timeout = config_.redis_request_timeout;
  config.machine.retry = {config_.redis_retry_base, config_.redis_retry_max};
  config.machine.max_retries = config_.redis_max_retries;
  config.supervisor = supervisor;
  config.counters = &counters_;
  return config;
}

void broker::wait_for_signal(boost::asio::signal_set& signals) {
  signals.async_wait([&](const boost::system::error_code& error, int number) {
    if (error) return;
    log(log_event::shutdown_signal, {{"signal", std::int64_t{number}}});
    if (draining_) std::_Exit(128 + number);
    drain();
    wait_for_signal(signals);
  });
}

void broker::drain() {
  // The port stays open to the end, so that /ready can say what happens.
  draining_ = true;
  caf::anon_send(supervisor_, actors::drain{});
}

void broker::stop_listening() {
  if (!listener_) return;
  boost::asio::post(threads_.back()->loop().context(),
                    [l = std::move(listener_)] { l->stop(); });
}

void broker::on_supervisor_down(const caf::error& reason) {
  if (!draining_) {
    // Nobody is left to restart anything: a clean start is the way back.
    log(log_event::supervisor_died, {{"error", system_.render(reason)}});
    exit_code_ = exit_supervisor_died;
  }
  signals_.stop();
}

void broker::stop_threads() {
  for (auto& thread : threads_)
    thread->stop();
}

}  // namespace status2::service
