#include "service/broker.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/log.hpp"
#include "actors/rate_limit.hpp"
#include "actors/redis_link.hpp"
#include "service/chaos_door.hpp"
#include "service/descriptor_limit.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <random>
#include <utility>

namespace status2::service {

using actors::log;
using actors::log_event;

namespace {

actors::refusal reason_of(const transport::http_refusal& refusal) {
  if (refusal.reason == transport::draining().reason)
    return actors::refusal::drain;
  if (refusal.reason == transport::too_many_from_address().reason)
    return actors::refusal::address;
  return actors::refusal::connections;
}

/// What the listener tells, passed on to the actors.
class clients_to_supervisor final : public transport::listener_events {
 public:
  clients_to_supervisor(const admin& pages, chaos_door door,
                        transport::admission& admission,
                        const actors::broker_status& status,
                        actors::broker_counters& counters,
                        caf::actor supervisor)
      : admin_(pages),
        door_(std::move(door)),
        admission_(admission),
        status_(status),
        counters_(counters),
        supervisor_(std::move(supervisor)) {}

  std::optional<transport::http_reply> on_admin(
      std::string_view path) override {
    return admin_.answer(path);
  }
  void on_command(transport::command_request&& request,
                  std::function<void(transport::http_reply)> answer) override {
    door_.answer(request, answer);
  }
  std::shared_ptr<void> on_admission(
      const transport::address& who,
      transport::http_refusal& refusal) override {
    // While the broker drains there is room for nobody.
    std::shared_ptr<void> place;
    if (status_.draining)
      refusal = transport::draining();
    else
      place = admission_.enter(who, refusal);
    if (!place) {
      counters_.count(reason_of(refusal));
      tell_refusal(who, refusal);
    }
    return place;
  }
  void on_upgrade(transport::upgrade_request&& request) override {
    caf::anon_send(
        supervisor_,
        actors::client_accepted{
            std::make_shared<transport::upgrade_request>(std::move(request))});
  }
  void on_accept_error(const boost::system::error_code& error) override {
    log(log_event::accept_failed, {{"error", error.message()}});
  }
  void on_request_failed(std::string_view what) noexcept override {
    log(log_event::request_failed, {{"error", what}});
  }

 private:
  void tell_refusal(const transport::address& who,
                    const transport::http_refusal& refusal) {
    const auto suppressed = refusals_.admit(std::chrono::steady_clock::now());
    if (suppressed)
      log(log_event::client_refused,
          {{"remote", who.to_string()},
           {"error", refusal.reason},
           {"suppressed", static_cast<std::int64_t>(*suppressed)}});
  }

  const admin& admin_;
  const chaos_door door_;
  transport::admission& admission_;
  const actors::broker_status& status_;
  actors::broker_counters& counters_;
  actors::rate_limit refusals_{1};  ///< log lines a second
  caf::actor supervisor_;
};

/// Of this process alone, so that two brokers do not judge by each other's.
std::string random_channel() {
  std::random_device random;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "status2:canary.%08x%08x", random(),
                random());
  return text.data();
}

std::vector<std::unique_ptr<actors::io_thread>> make_threads(
    std::size_t n, transport::io_backend backend) {
  std::vector<std::unique_ptr<actors::io_thread>> threads;
  threads.reserve(n);
  for (std::size_t i = 0; i < n; ++i)
    threads.push_back(std::make_unique<actors::io_thread>(i, backend));
  return threads;
}

std::vector<const transport::io_counters*> counters_of(
    const std::vector<std::unique_ptr<actors::io_thread>>& threads) {
  std::vector<const transport::io_counters*> counters;
  counters.reserve(threads.size());
  for (auto& thread : threads)
    counters.push_back(&thread->loop().counters());
  return counters;
}

std::vector<transport::network> networks_of(
    const std::vector<std::string>& texts) {
  std::vector<transport::network> networks;
  networks.reserve(texts.size());
  for (const auto& text : texts)
    if (auto network = transport::parse_network(text))
      networks.push_back(*network);
  return networks;
}

transport::listener_settings listener_settings_of(const configuration& c) {
  return {.path_prefix = c.path_prefix,
          .allowed_origins = c.allowed_origins,
          .handshake_timeout = c.handshake_timeout,
          .max_header_size = c.max_header_size,
          .trusted_proxies = networks_of(c.trusted_proxies),
          .accept_rate = c.accept_rate,
          .most_requests =
              requests_within(raise_descriptor_limit(), c.max_connections)};
}

}  // namespace

broker::broker(const configuration& values)
    : config_(values),
      admission_({values.max_connections, values.max_connections_per_ip}),
      fault_(std::make_shared<redis::upstream_fault>()),
      link_memory_(std::make_shared<actors::link_memory>()),
      canary_channel_(random_channel()),
      threads_(make_threads(values.io_threads, values.io_backend)),
      sessions_(session_settings()),
      system_config_(values.io_threads),
      system_(system_config_),
      metrics_(counters_of(threads_), counters_, status_),
      admin_(status_, render_metrics()) {
  counters_.connections_limit =
      static_cast<std::int64_t>(config_.max_connections);
}

transport::session_settings broker::session_settings() const {
  return {.ping_interval = config_.ping_interval,
          .pong_timeout = config_.pong_timeout,
          .write_timeout = config_.write_timeout,
          .max_message_size = config_.max_message_size,
          .outbox_limit = config_.outbox_bytes,
          .total_outbox_limit = config_.outbox_total_bytes,
          .outbox_counters = counters_of(threads_),
          .message_rate = config_.client_message_rate,
          .message_burst = config_.client_message_burst,
          .hangup = config_.hangup};
}

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
  threads_.front()->log_sender(log_event::io_backend);
  spawn_supervisor();
  if (listen()) {
    log(log_event::listening, {{"address", config_.listen_addr},
                               {"port", std::int64_t{listener_->port()}}});
  } else {
    exit_code_ = exit_failed;
    drain();
  }
  signals_.run();
  if (!drained_) return exit_code_;
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
      std::make_unique<clients_to_supervisor>(
          admin_, chaos_door(config_.chaos_token, supervisor_, counters_),
          admission_, status_, counters_, supervisor_));
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
    constexpr auto longest_wait = std::chrono::milliseconds{100};
    if (config_.fanout_interval.count() > 0) spec.longest_wait = longest_wait;
    return actors::spawn_bound<actors::subscriber_state>(system_, home,
                                                         std::move(spec));
  };
  config.spawn_session = [this](actors::session_spec spec) {
    auto& thread = *threads_[spec.thread];
    spec.settings = &sessions_;
    return actors::spawn_bound<actors::session_state>(system_, thread,
                                                      std::move(spec));
  };
  if (config_.canary_interval.count() > 0) {
    config.canary_channel = canary_channel_;
    config.spawn_canary = [this, &home] {
      return actors::spawn_bound<actors::canary_state>(system_, home,
                                                       canary_config());
    };
  }
  config.channel_linger = config_.channel_linger;
  config.max_channels = config_.max_channels;
  config.drain_window = config_.drain_window;
  config.fault = fault_;
  config.threads = threads_.size();
  config.counters = &counters_;
  config.status = &status_;
  return config;
}

actors::redis_link_config broker::link_config(const caf::actor& supervisor) {
  actors::redis_link_config config;
  config.loop = &threads_.front()->loop().context();
  config.connection = redis_settings();
  config.connection.read_interval = config_.fanout_interval;
  config.machine.request_timeout = config_.redis_request_timeout;
  config.machine.retry = {config_.redis_retry_base, config_.redis_retry_max};
  config.machine.max_retries = config_.redis_max_retries;
  config.supervisor = supervisor;
  config.counters = &counters_;
  config.status = &status_;
  config.memory = link_memory_;
  return config;
}

actors::canary_config broker::canary_config() {
  actors::canary_config config;
  config.loop = &threads_.front()->loop().context();
  config.connection = redis_settings();
  config.channel = canary_channel_;
  config.interval = config_.canary_interval;
  config.deadline = config_.redis_request_timeout;
  config.counters = &counters_;
  config.status = &status_;
  return config;
}

redis::connection_settings broker::redis_settings() const {
  return {.url = config_.redis,
          .request_timeout = config_.redis_request_timeout,
          .fault = fault_};
}

void broker::wait_for_signal(boost::asio::signal_set& signals) {
  signals.async_wait([&](const boost::system::error_code& error, int number) {
    if (error) return;
    log(log_event::shutdown_signal, {{"signal", std::int64_t{number}}});
    if (draining_) {
      leave(exit_signalled + number);
      return;
    }
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
  // That is how it ends when a drain is done.
  if (reason != caf::make_error(caf::exit_reason::user_shutdown)) {
    // Nobody is left to restart anything, or to end it: a clean start is the
    // way back.
    log(log_event::supervisor_died, {{"error", system_.render(reason)}});
    leave(exit_supervisor_died);
  }
  signals_.stop();
}

void broker::leave(int code) {
  exit_code_ = code;
  drained_ = false;
  signals_.stop();
}

void broker::stop_threads() {
  for (auto& thread : threads_)
    thread->stop();
}

}  // namespace status2::service
