#include "service/broker_settings.hpp"

#include "actors/log.hpp"
#include "service/descriptor_limit.hpp"
#include "service/documents.hpp"
#include "service/proxy_table.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace status2::service {

namespace {

/// Browsers slow the timers of hidden tabs to one a minute.
constexpr std::chrono::minutes least_pong_timeout{1};

}  // namespace

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

transport::listener_settings admin_settings_of(const configuration& c) {
  auto settings = listener_settings_of(c);
  settings.role = transport::port_role::admin;
  settings.most_requests = request_descriptors;
  settings.proxy_protocol = false;
  settings.tls = nullptr;
  return settings;
}

transport::session_settings session_settings_of(
    const configuration& c,
    std::vector<const transport::io_counters*> counters) {
  return {.ping_interval = c.ping_interval,
          .pong_timeout = c.pong_timeout,
          .write_timeout = c.write_timeout,
          .max_message_size = c.max_message_size,
          .message_timeout = c.message_timeout,
          .outbox_limit = c.outbox_bytes,
          .total_outbox_limit = c.outbox_total_bytes,
          .outbox_counters = std::move(counters),
          .message_rate = c.client_message_rate,
          .message_burst = c.client_message_burst,
          .hangup = c.hangup};
}

transport::admission_limits admission_limits_of(const configuration& c) {
  return {c.max_connections, c.max_connections_per_ip};
}

actors::tail_limits tail_limits_of(const configuration& c) {
  return {c.tail_messages, c.tail_age, c.tail_total_bytes};
}

actors::latch_limits latch_limits_of(const configuration& c) {
  return {c.latch_patterns, c.latch_ttl, c.latch_channels, c.latch_total_bytes};
}

actors::supervisor_limits supervisor_limits_of(const configuration& c) {
  const bool tails = c.tail_messages > 0;
  return {.channel_linger = tails ? std::max(c.channel_linger, c.tail_linger)
                                  : c.channel_linger,
          .max_channels = c.max_channels,
          .drain_window = c.drain_window};
}

bool limit_connections(configuration& values) {
  const auto wanted = values.max_connections;
  values.max_connections = connections_within(raise_descriptor_limit(), wanted);
  return values.max_connections < wanted;
}

void warn_of(const configuration& values) {
  using actors::log;
  using actors::log_event;
  if (values.allowed_origins.empty()) log(log_event::any_origin);
  if (values.pong_timeout < least_pong_timeout)
    log(log_event::short_pong_timeout);
  if (!values.jwt_keys.empty())
    log(log_event::tokens_needed,
        {{"keys", static_cast<std::int64_t>(values.jwt_keys.size())}});
  if (!values.ignored.empty())
    log(log_event::settings_ignored, {{"settings", ignored_text(values)}});
}

}  // namespace status2::service
