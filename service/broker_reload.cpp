// What a reload applies. Everything is read and checked first, on the thread of
// the reloader; then each part takes its settings by a message to the thread
// that owns it.
#include "service/broker.hpp"
#include "service/broker_settings.hpp"
#include "service/configuration_load.hpp"
#include "service/logging.hpp"
#include "service/redis_settings.hpp"

#include <boost/algorithm/string/join.hpp>
#include <boost/asio/post.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace status2::service {

using actors::log;
using actors::log_event;

namespace {

std::int64_t seconds_since_1970() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

/// Parts that read files of their own, or that may refuse: what they prepare is
/// applied only if all of them accept.
std::vector<broker::reload_step> broker::reload_steps() {
  return {
      [this](const auto& running, const auto& next) {
        return prepare_redis(running, next);
      },
      [this](const auto& running, const auto& next) {
        return prepare_tokens(running, next);
      },
  };
}

broker::prepared broker::prepare_redis(const load_result& running,
                                       const load_result& next) {
  if (!redis_differs(running, next)) return {};
  const auto settings = redis_settings(next.values);
  if (settings.tls && !settings.tls->error.empty())
    return {.error = settings.tls->error};
  return {.apply = [this, settings, url = next.values.redis] {
    post_to_home([this, settings, url, to = supervisor_] {
      caf::anon_send(to, actors::redis_change{find_redis(settings, url)});
    });
  }};
}

broker::prepared broker::prepare_tokens(const load_result& running,
                                        const load_result& next) {
  const bool same = !differs(running, next, "STATUS_JWT_KEY_FILE") &&
                    !differs(running, next, "STATUS_JWT_ISSUER") &&
                    !differs(running, next, "STATUS_JWT_AUDIENCE");
  if (!tokens_ || same) return {};
  return {.apply = [this, rules = token_rules_of(next.values)] {
    log(log_event::token_keys_replaced,
        {{"keys", static_cast<std::int64_t>(rules.keys.size())}});
    tokens_->replace(rules);
  }};
}

reloader::swap broker::prepare_reload() {
  auto next = std::make_shared<load_result>(again_());
  if (!next->error.empty())
    return [this, error = next->error] { refuse_reload(error); };
  limit_connections(next->values);
  const auto change = compare(running_, *next);
  std::vector<std::function<void()>> swaps;
  for (const auto& prepare : reload_steps()) {
    auto [apply, error] = prepare(running_, *next);
    if (!error.empty()) return [this, error] { refuse_reload(error); };
    if (apply) swaps.push_back(std::move(apply));
  }
  return [this, next, change, swaps] {
    for (const auto& swap : swaps)
      swap();
    take(next->values);
    running_ = std::move(*next);
    note_accepted();
    log(log_event::reloaded,
        {{"settings", boost::algorithm::join(change.live, ", ")}});
    if (!change.restart.empty())
      log(log_event::restart_needed,
          {{"settings", boost::algorithm::join(change.restart, ", ")}});
    warn_of(running_.values);
  };
}

void broker::refuse_reload(const std::string& error) {
  counters_.config_reload_successful = 0;
  log(log_event::reload_refused, {{"error", error}});
}

void broker::note_accepted() {
  counters_.config_reload_successful = 1;
  counters_.config_reload_time = seconds_since_1970();
}

void broker::take(const configuration& values) {
  logging::level(values.log_level);
  counters_.connections_limit =
      static_cast<std::int64_t>(values.max_connections);
  admission_.limit(admission_limits_of(values));
  inbound_->limit = static_cast<std::int64_t>(values.inbound_total_bytes);
  door_->token(values.chaos_token);
  admin_.serve_metrics(values.metrics_enabled);
  const auto sessions = session_settings_of(values, session_counters());
  for (std::size_t i = 0; i < threads_.size(); ++i)
    boost::asio::post(
        threads_[i]->loop().context(),
        [mine = sessions_[i].get(), sessions] { *mine = sessions; });
  post_to_home([this, tails = tail_limits_of(values),
                latches = latch_limits_of(values)] {
    tails_.limit(tails);
    latches_.limit(latches);
  });
  caf::anon_send(supervisor_, supervisor_limits_of(values));
  change_listeners(values);
  if (values.trusted_proxies != running_.values.trusted_proxies)
    change_proxies(values);
}

void broker::change_listeners(const configuration& values) {
  const auto change = [](const listener_place& where,
                         transport::listener_settings settings) {
    where.post([settings](auto& listener) { listener.change(settings); });
  };
  change(viewers_, listener_settings_of(values));
  change(operators_, admin_settings_of(values));
  if (values.tls == running_.values.tls) return;
  viewers_.post([tls = values.tls](auto& listener) { listener.certify(tls); });
  note_tls(values);
}

void broker::change_proxies(const configuration& values) {
  auto before = std::exchange(
      proxies_,
      watch_proxies(admin_thread_->loop().context(), values.trusted_proxies));
  // The proxies of before are believed until the names are looked up.
  boost::asio::post(admin_thread_->loop().context(),
                    [this, before, watch = proxies_] {
                      watch->start([this, before, watch] {
                        before->stop();
                        watch->on_change(trust());
                      });
                    });
}

}  // namespace status2::service
