#include "service/broker.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/log.hpp"
#include "actors/redis_link.hpp"
#include "redis/endpoint_sources.hpp"
#include "redis/slot_source.hpp"
#include "service/descriptor_limit.hpp"
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

transport::listener_settings listener_settings_of(const configuration& c) {
  return {.path_prefix = c.path_prefix,
          .role = c.admin_addr.empty() ? transport::port_role::all
                                       : transport::port_role::viewers,
          .hosts = transport::host_rules(c.hosts),
          .allowed_origins = transport::origin_rules(c.allowed_origins),
          .allowed_channels = c.allowed_channels,
          .subprotocols = c.subprotocols,
          .compression = c.compression,
          .handshake_timeout = c.handshake_timeout,
          .keepalive_timeout = c.keepalive_timeout,
          .max_header_size = c.max_header_size,
          .tls = c.tls,
          .trusted_proxies = proxy_table(c.trusted_proxies).trusted(),
          .proxy_protocol = c.proxy_protocol,
          .accept_rate = c.accept_rate,
          .most_requests =
              requests_within(raise_descriptor_limit(), c.max_connections),
          .tokens = {}};
}

}  // namespace

broker::broker(const configuration& values)
    : config_(values),
      tails_({values.tail_messages, values.tail_age, values.tail_total_bytes},
             counters_),
      latches_({values.latch_patterns, values.latch_ttl, values.latch_channels,
                values.latch_total_bytes},
               counters_),
      admission_({values.max_connections, values.max_connections_per_ip}),
      fault_(std::make_shared<redis::upstream_fault>()),
      link_memory_(std::make_shared<actors::link_memory>()),
      canary_channel_(random_canary_channel()),
      threads_(make_threads(values.io_threads, values.io_backend)),
      admin_thread_(make_admin_thread(values.io_threads)),
      memory_return_(admin_thread_->loop().context(),
                     counters_of(threads_, *admin_thread_), counters_),
      reserve_watch_(admin_thread_->loop().context(), process_reserve()),
      sessions_(session_settings()),
      system_config_(values.io_threads),
      system_(system_config_),
      metrics_(counters_of(threads_, *admin_thread_), counters_, status_),
      admin_(admin_thread_->loop().context(), status_, render_metrics()),
      proxies_(watch_proxies(admin_thread_->loop().context(),
                             values.trusted_proxies)),
      tokens_(make_tokens(values)) {
  counters_.connections_limit =
      static_cast<std::int64_t>(config_.max_connections);
  share_inbound_budget();
  find_redis();
}

void broker::share_inbound_budget() {
  const auto budget = std::make_shared<transport::inbound_budget>(
      config_.inbound_total_bytes, threads_.size() + 1);
  for (auto& thread : threads_)
    thread->loop().inbound().share(budget);
  admin_thread_->loop().inbound().share(budget);
}

transport::session_settings broker::session_settings() const {
  return {.ping_interval = config_.ping_interval,
          .pong_timeout = config_.pong_timeout,
          .write_timeout = config_.write_timeout,
          .max_message_size = config_.max_message_size,
          .message_timeout = config_.message_timeout,
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
  boost::asio::signal_set signals{signals_, SIGTERM, SIGINT, SIGQUIT};
  wait_for_signal(signals);
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

void broker::replace_tokens(transport::token_rules rules) {
  if (!tokens_ || rules.keys.empty()) return;
  log(log_event::token_keys_replaced,
      {{"keys", static_cast<std::int64_t>(rules.keys.size())}});
  tokens_->replace(std::move(rules));
}

bool broker::listen() {
  const auto door =
      std::make_shared<chaos_door>(config_.chaos_token, supervisor_, counters_);
  const auto events = [&] {
    return std::make_unique<request_events>(
        request_events::parts{admin_, door, admission_, process_reserve(),
                              status_, counters_, supervisor_});
  };
  note_tls();
  auto settings = listener_settings_of(config_);
  settings.tokens = tokens_;
  listener_ = open(*threads_.back(), config_.listen_addr, settings, events());
  if (!listener_) return false;
  if (config_.admin_addr.empty()) return true;
  auto for_operators = settings;
  for_operators.role = transport::port_role::admin;
  for_operators.most_requests = request_descriptors;
  for_operators.proxy_protocol = false;
  for_operators.tls = nullptr;
  admin_listener_ =
      open(*admin_thread_, config_.admin_addr, for_operators, events());
  return admin_listener_ != nullptr;
}

void broker::note_tls() {
  if (!config_.tls) return;
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  const auto expires =
      duration_cast<seconds>(config_.tls->expires().time_since_epoch());
  counters_.tls_expiry = expires.count();
  const auto obstacle = transport::kernel_tls_obstacle();
  log(log_event::tls, {{"certificate", config_.tls_cert_file},
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

void broker::start_listening() {
  using target =
      std::pair<boost::asio::io_context*, std::weak_ptr<transport::listener>>;
  const auto targets = std::make_shared<std::vector<target>>();
  targets->emplace_back(&threads_.back()->loop().context(), listener_);
  targets->emplace_back(&admin_thread_->loop().context(), admin_listener_);
  const auto with_each = [targets](auto action) {
    for (const auto& [loop, weak] : *targets)
      boost::asio::post(*loop, [weak = weak, action] {
        if (const auto listener = weak.lock()) action(*listener);
      });
  };
  boost::asio::post(
      admin_thread_->loop().context(), [watch = proxies_, with_each] {
        watch->on_change([with_each](const auto& proxies) {
          with_each([proxies](auto& listener) { listener.trust(proxies); });
        });
        with_each([](auto& listener) { listener.start(); });
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
  config.tails = &tails_;
  if (latches_.enabled()) config.latches = &latches_;
  config.channel_linger = config_.channel_linger;
  if (config_.tail_messages > 0)
    config.channel_linger =
        std::max(config_.channel_linger, config_.tail_linger);
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

void broker::find_redis() {
  auto& loop = threads_.front()->loop().context();
  redis_ = redis_settings(config_);
  redis_.name = "status2-0";
  redis_.fault = fault_;
  const redis::source_settings how{redis_.tls, redis_.request_timeout};
  if (config_.redis_sharded)
    redis_.source = cluster_ =
        redis::make_cluster_source(loop, config_.redis, how);
  else
    redis_.source = redis::make_endpoint_source(loop, config_.redis, how);
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
