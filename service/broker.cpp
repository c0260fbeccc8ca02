#include "service/broker.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/log.hpp"
#include "actors/redis_link.hpp"
#include "redis/endpoint_sources.hpp"
#include "redis/slot_source.hpp"
#include "service/broker_settings.hpp"
#include "service/redis_settings.hpp"
#include "service/request_events.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <future>
#include <set>
#include <utility>

namespace status2::service {

using actors::log;
using actors::log_event;

namespace {

std::vector<std::unique_ptr<actors::io_thread>> make_threads(
    std::size_t n, transport::io_backend backend) {
  std::vector<std::unique_ptr<actors::io_thread>> threads;
  threads.reserve(n);
  for (std::size_t i = 0; i < n; ++i)
    threads.push_back(std::make_unique<actors::io_thread>(i, backend));
  return threads;
}

/// No clients are served there, so that it needs no batches.
std::unique_ptr<actors::io_thread> make_admin_thread(std::size_t index) {
  return std::make_unique<actors::io_thread>(index,
                                             transport::io_backend::sendto);
}

std::vector<const transport::io_counters*> counters_of(
    const std::vector<std::unique_ptr<actors::io_thread>>& threads) {
  std::vector<const transport::io_counters*> counters;
  counters.reserve(threads.size());
  for (auto& thread : threads)
    counters.push_back(&thread->loop().counters());
  return counters;
}

std::vector<const transport::io_counters*> counters_of(
    const std::vector<std::unique_ptr<actors::io_thread>>& threads,
    actors::io_thread& admin_thread) {
  auto counters = counters_of(threads);
  counters.push_back(&admin_thread.loop().counters());
  return counters;
}

std::string joined(const std::set<transport::address>& addresses) {
  std::string all;
  for (const auto& address : addresses)
    all += (all.empty() ? "" : ", ") + address.to_string();
  return all;
}

std::shared_ptr<transport::token_authority> make_tokens(
    const configuration& c) {
  if (c.jwt_keys.empty()) return nullptr;
  return std::make_shared<transport::token_authority>(token_rules_of(c),
                                                      c.jwt_cookie);
}

}  // namespace

std::shared_ptr<proxy_watch> watch_proxies(
    boost::asio::io_context& loop, const std::vector<std::string>& items) {
  proxy_watch_events events;
  events.found = [](const std::string& name, const auto& addresses) {
    log(log_event::proxy_found,
        {{"name", name}, {"address", joined(addresses)}});
  };
  events.unresolved = [](const std::string& name, const auto& error) {
    log(log_event::proxy_unresolved,
        {{"name", name}, {"error", error.message()}});
  };
  return std::make_shared<proxy_watch>(loop, items, system_lookup(loop),
                                       std::move(events));
}

broker::broker(const load_result& loaded, configuration_loader again)
    : config_(loaded.values),
      running_(loaded),
      again_(std::move(again)),
      tails_(tail_limits_of(config_), counters_),
      latches_(latch_limits_of(config_), counters_),
      admission_(admission_limits_of(config_)),
      fault_(std::make_shared<redis::upstream_fault>()),
      link_memory_(std::make_shared<actors::link_memory>()),
      canary_channel_(random_canary_channel()),
      threads_(make_threads(config_.io_threads, config_.io_backend)),
      admin_thread_(make_admin_thread(config_.io_threads)),
      memory_return_(admin_thread_->loop().context(),
                     counters_of(threads_, *admin_thread_), counters_),
      reserve_watch_(admin_thread_->loop().context(), process_reserve()),
      system_config_(config_.io_threads),
      system_(system_config_),
      metrics_(counters_of(threads_, *admin_thread_), counters_, status_),
      admin_(admin_thread_->loop().context(), status_,
             [this] { return metrics_.text(); }),
      proxies_(watch_proxies(admin_thread_->loop().context(),
                             config_.trusted_proxies)),
      tokens_(make_tokens(config_)),
      hangups_(signals_),
      reloader_(
          signals_, [this] { return prepare_reload(); },
          [this](const std::string& error) { refuse_reload(error); }) {
  admin_.serve_metrics(config_.metrics_enabled);
  const auto sessions = session_settings_of(config_, session_counters());
  for (std::size_t i = 0; i < threads_.size(); ++i)
    sessions_.push_back(
        std::make_unique<transport::session_settings>(sessions));
  counters_.connections_limit =
      static_cast<std::int64_t>(config_.max_connections);
  share_inbound_budget();
  redis_ = find_redis(redis_settings(config_), config_.redis);
}

void broker::share_inbound_budget() {
  inbound_ = std::make_shared<transport::inbound_budget>(
      config_.inbound_total_bytes, threads_.size() + 1);
  for (auto& thread : threads_)
    thread->loop().inbound().share(inbound_);
  admin_thread_->loop().inbound().share(inbound_);
}

std::vector<const transport::io_counters*> broker::session_counters() const {
  return counters_of(threads_);
}

broker::~broker() {
  stop_threads();
}

int broker::serve() {
  boost::asio::signal_set signals{signals_, SIGTERM, SIGINT, SIGQUIT};
  wait_for_signal(signals);
  note_accepted();
  for (auto& thread : threads_) {
    thread->attach(system_);
    thread->start();
  }
  threads_.front()->log_sender(log_event::io_backend);
  admin_thread_->start();
  spawn_supervisor();
  find_proxies();
  if (listen()) {
    start_listening();
    hangups_.add(SIGHUP);
    wait_for_hangup();
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

bool broker::listen() {
  door_ =
      std::make_shared<chaos_door>(config_.chaos_token, supervisor_, counters_);
  const auto events = [&] {
    return std::make_unique<request_events>(
        request_events::parts{admin_, door_, admission_, process_reserve(),
                              status_, counters_, supervisor_});
  };
  note_tls(config_);
  auto settings = listener_settings_of(config_);
  settings.tokens = tokens_;
  listener_ = open(*threads_.back(), config_.listen_addr, settings, events());
  if (!listener_) return false;
  viewers_ = {&threads_.back()->loop().context(), listener_};
  if (config_.admin_addr.empty()) return true;
  admin_listener_ = open(*admin_thread_, config_.admin_addr,
                         admin_settings_of(config_), events());
  operators_ = {&admin_thread_->loop().context(), admin_listener_};
  return admin_listener_ != nullptr;
}

void broker::note_tls(const configuration& values) {
  if (!values.tls) return;
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  const auto expires =
      duration_cast<seconds>(values.tls->expires().time_since_epoch());
  counters_.tls_expiry = expires.count();
  const auto obstacle = transport::kernel_tls_obstacle();
  log(log_event::tls, {{"certificate", values.tls_cert_file},
                       {"expires", std::int64_t{expires.count()}},
                       {"kernel_tls", obstacle.empty() ? "yes" : "no"},
                       {"reason", obstacle}});
}

std::shared_ptr<transport::listener> broker::open(
    actors::io_thread& thread, const std::vector<std::string>& addresses,
    const transport::listener_settings& settings,
    std::unique_ptr<transport::listener_events> events) {
  auto listener = std::make_shared<transport::listener>(thread.loop(), settings,
                                                        std::move(events));
  for (const auto& address : addresses) {
    if (auto error = listener->open(address)) {
      log(log_event::serve_failed,
          {{"address", address}, {"error", error.message()}});
      return nullptr;
    }
    log(log_event::listening,
        {{"address", address}, {"port", std::int64_t{listener->port()}}});
  }
  return listener;
}

void broker::find_proxies() {
  constexpr std::chrono::seconds longest{2};
  const auto first_round = std::make_shared<std::promise<void>>();
  boost::asio::post(admin_thread_->loop().context(),
                    [watch = proxies_, first_round] {
                      watch->start([first_round] { first_round->set_value(); });
                    });
  first_round->get_future().wait_for(longest);
}

std::function<void(const transport::proxy_set&)> broker::trust() const {
  return [viewers = viewers_, operators = operators_](const auto& proxies) {
    for (const auto* place : {&viewers, &operators})
      place->post([proxies](auto& listener) { listener.trust(proxies); });
  };
}

void broker::start_listening() {
  boost::asio::post(admin_thread_->loop().context(), [this, watch = proxies_] {
    watch->on_change(trust());
    for (const auto* place : {&viewers_, &operators_})
      place->post([](auto& listener) { listener.start(); });
  });
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
    spec.settings = sessions_[spec.thread].get();
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
  config.redis_changed = [this](const actors::redis_change& change) {
    redis_ = change.connection;
  };
  config.tails = &tails_;
  config.latches = &latches_;
  config.limits = supervisor_limits_of(config_);
  config.fault = fault_;
  config.threads = threads_.size();
  config.counters = &counters_;
  config.status = &status_;
  return config;
}

actors::redis_link_config broker::link_config(const caf::actor& supervisor) {
  actors::redis_link_config config;
  config.loop = &threads_.front()->loop().context();
  config.connection = redis_;
  config.connection.read_interval = config_.fanout_interval;
  config.connection.max_payload = config_.max_payload;
  config.connection.knocks = true;
  config.machine.request_timeout = config_.redis_request_timeout;
  config.machine.retry = {config_.redis_retry_base, config_.redis_retry_max};
  config.machine.max_retries = config_.redis_max_retries;
  config.cluster = cluster_;
  config.supervisor = supervisor;
  config.counters = &counters_;
  config.status = &status_;
  config.memory = link_memory_;
  return config;
}

actors::canary_config broker::canary_config() {
  actors::canary_config config;
  config.loop = &threads_.front()->loop().context();
  config.connection = redis_;
  if (cluster_)
    config.connection.source =
        std::make_shared<redis::slot_source>(cluster_, canary_channel_);
  config.publish_command = publish_command(config_);
  config.channel = canary_channel_;
  config.interval = config_.canary_interval;
  config.deadline = config_.redis_request_timeout;
  config.counters = &counters_;
  config.status = &status_;
  return config;
}

redis::connection_settings broker::find_redis(
    redis::connection_settings settings, const redis::redis_url& url) {
  auto& loop = threads_.front()->loop().context();
  settings.name = "status2-0";
  settings.fault = fault_;
  const redis::source_settings how{settings.tls, settings.request_timeout};
  if (config_.redis_sharded)
    settings.source = cluster_ = redis::make_cluster_source(loop, url, how);
  else
    settings.source = redis::make_endpoint_source(loop, url, how);
  return settings;
}

void broker::wait_for_hangup() {
  hangups_.async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    reloader_.request();
    wait_for_hangup();
  });
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
  const auto stop = [](actors::io_thread& thread, auto& listener) {
    if (!listener) return;
    std::promise<void> stopped;
    boost::asio::post(thread.loop().context(), [&] {
      std::exchange(listener, nullptr)->stop();
      stopped.set_value();
    });
    stopped.get_future().wait();
  };
  boost::asio::post(admin_thread_->loop().context(),
                    [watch = proxies_] { watch->stop(); });
  stop(*threads_.back(), listener_);
  stop(*admin_thread_, admin_listener_);
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
  admin_thread_->stop();
  for (auto& thread : threads_)
    thread->stop();
}

}  // namespace status2::service
