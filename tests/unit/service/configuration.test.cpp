#include "service/configuration.hpp"

#include "service/configuration_keys.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2;
using namespace status2::service;
using namespace std::chrono_literals;

namespace {

configuration load(const variables& environment, const variables& flags = {}) {
  const auto result = load_configuration(environment, flags);
  CAF_CHECK_EQUAL(result.error, "");
  return result.values;
}

std::string error_of(const variables& environment,
                     const variables& flags = {}) {
  return load_configuration(environment, flags).error;
}

}  // namespace

// The contract's table, typed again on purpose.
CAF_TEST(names and defaults are those of the contract) {
  const std::vector<std::pair<std::string_view, std::string_view>> contract{
      {"STATUS_CONFIG_FILE", ""},
      {"STATUS_LISTEN_ADDR", ":9002"},
      {"STATUS_ADMIN_ADDR", ""},
      {"STATUS_TLS_CERT_FILE", ""},
      {"STATUS_TLS_KEY_FILE", ""},
      {"STATUS_TLS_CLIENT_CA_FILE", ""},
      {"STATUS_PATH_PREFIX", ""},
      {"STATUS_REDIS_URL", "redis://localhost:6379/2"},
      {"STATUS_REDIS_PASSWORD_FILE", ""},
      {"STATUS_REDIS_SENTINEL_USER", ""},
      {"STATUS_REDIS_SENTINEL_PASSWORD_FILE", ""},
      {"STATUS_REDIS_SHARDED", "false"},
      {"STATUS_REDIS_CA_FILE", ""},
      {"STATUS_REDIS_CERT_FILE", ""},
      {"STATUS_REDIS_KEY_FILE", ""},
      {"STATUS_PING_INTERVAL", "5s"},
      {"STATUS_PONG_TIMEOUT", "75s"},
      {"STATUS_WRITE_TIMEOUT", "2s"},
      {"STATUS_MAX_MESSAGE_SIZE", "64KB"},
      {"STATUS_MESSAGE_TIMEOUT", "30s"},
      {"STATUS_MAX_PAYLOAD", "16MB"},
      {"STATUS_REDIS_REQUEST_TIMEOUT", "1s"},
      {"STATUS_REDIS_RETRY_BASE", "1s"},
      {"STATUS_REDIS_RETRY_MAX", "30s"},
      {"STATUS_REDIS_MAX_RETRIES", "5"},
      {"STATUS_ALLOWED_ORIGINS", ""},
      {"STATUS_HOSTS", ""},
      {"STATUS_ALLOWED_CHANNELS", ""},
      {"STATUS_JWT_KEY_FILE", ""},
      {"STATUS_JWT_ISSUER", ""},
      {"STATUS_JWT_AUDIENCE", ""},
      {"STATUS_JWT_COOKIE", ""},
      {"STATUS_SUBPROTOCOLS", ""},
      {"STATUS_COMPRESSION", "false"},
      {"STATUS_HANGUP", "false"},
      {"STATUS_METRICS_ENABLED", "false"},
      {"STATUS_LOG_LEVEL", "info"},
      {"STATUS_CHANNEL_LINGER", "5s"},
      {"STATUS_TAIL_MESSAGES", "256"},
      {"STATUS_TAIL_AGE", "10m"},
      {"STATUS_TAIL_TOTAL_BYTES", "64MB"},
      {"STATUS_TAIL_LINGER", "2m"},
      {"STATUS_LATCH_PATTERNS", ""},
      {"STATUS_LATCH_TTL", "6h"},
      {"STATUS_LATCH_CHANNELS", "20000"},
      {"STATUS_LATCH_TOTAL_BYTES", "8MB"},
      {"STATUS_IO_THREADS", "0"},
      {"STATUS_IO_BACKEND", "auto"},
      {"STATUS_FANOUT_INTERVAL", "500us"},
      {"STATUS_MAX_CONNECTIONS", "10000"},
      {"STATUS_MAX_CONNECTIONS_PER_IP", "0"},
      {"STATUS_TRUSTED_PROXIES", ""},
      {"STATUS_PROXY_PROTOCOL", "false"},
      {"STATUS_ACCEPT_RATE", "2000"},
      {"STATUS_MAX_CHANNELS", "20000"},
      {"STATUS_HANDSHAKE_TIMEOUT", "10s"},
      {"STATUS_KEEPALIVE_TIMEOUT", "75s"},
      {"STATUS_MAX_HEADER_SIZE", "8KB"},
      {"STATUS_OUTBOX_BYTES", "1MB"},
      {"STATUS_OUTBOX_TOTAL_BYTES", "0"},
      {"STATUS_INBOUND_TOTAL_BYTES", "0"},
      {"STATUS_CLIENT_MESSAGE_RATE", "50"},
      {"STATUS_CLIENT_MESSAGE_BURST", "200"},
      {"STATUS_DRAIN_WINDOW", "0s"},
      {"STATUS_CANARY_INTERVAL", "10s"},
      {"STATUS_CHAOS_TOKEN_FILE", ""},
      {"REDIS_URL", ""},
      {"REDIS_HOST", "localhost"},
      {"REDIS_PORT", "6379"},
      {"REDIS_PASSWORD_FILE", ""},
      {"REDIS_PASSWORD", ""},
  };
  CAF_REQUIRE_EQUAL(keys().size(), contract.size());
  for (std::size_t i = 0; i < contract.size(); ++i) {
    CAF_CHECK_EQUAL(keys()[i].variable, contract[i].first);
    CAF_CHECK_EQUAL(keys()[i].standard, contract[i].second);
  }
}

CAF_TEST(an empty environment gives the defaults) {
  const auto values = load({});
  CAF_CHECK_EQUAL(values.listen_addr, std::vector<std::string>{":9002"});
  CAF_CHECK(values.admin_addr.empty());
  CAF_CHECK(values.trusted_proxies.empty());
  CAF_CHECK(!values.proxy_protocol);
  CAF_CHECK_EQUAL(values.path_prefix, "");
  CAF_CHECK_EQUAL(values.redis_url, "redis://localhost:6379/2");
  CAF_CHECK_EQUAL(values.redis.password, "");
  CAF_CHECK(values.ping_interval == 5s);
  CAF_CHECK(values.pong_timeout == 75s);
  CAF_CHECK(values.write_timeout == 2s);
  CAF_CHECK_EQUAL(values.max_message_size, 65536u);
  CAF_CHECK_EQUAL(values.max_payload, 16777216u);
  CAF_CHECK(values.redis_request_timeout == 1s);
  CAF_CHECK(values.redis_retry_base == 1s);
  CAF_CHECK(values.redis_retry_max == 30s);
  CAF_CHECK_EQUAL(values.redis_max_retries, 5u);
  CAF_CHECK(values.allowed_origins.empty());
  CAF_CHECK(!values.hangup);
  CAF_CHECK(!values.compression);
  CAF_CHECK(!values.metrics_enabled);
  CAF_CHECK(values.log_level == actors::log_level::INFO);
  CAF_CHECK(values.channel_linger == 5s);
  CAF_CHECK_EQUAL(values.tail_messages, 256u);
  CAF_CHECK(values.tail_age == 10min);
  CAF_CHECK_EQUAL(values.tail_total_bytes, 67108864u);
  CAF_CHECK(values.tail_linger == 2min);
  CAF_CHECK(values.latch_patterns.empty());
  CAF_CHECK(values.latch_ttl == 6h);
  CAF_CHECK_EQUAL(values.latch_channels, 20000u);
  CAF_CHECK_EQUAL(values.latch_total_bytes, 8388608u);
  CAF_CHECK(values.io_threads >= 1 && values.io_threads <= 8);
  CAF_CHECK_EQUAL(values.max_connections, 10000u);
  CAF_CHECK(values.handshake_timeout == 10s);
  CAF_CHECK_EQUAL(values.max_header_size, 8192u);
  CAF_CHECK_EQUAL(values.outbox_bytes, 1048576u);
}

CAF_TEST(the environment sets every kind of value) {
  const auto values = load({{"STATUS_LISTEN_ADDR", "127.0.0.1:0"},
                            {"STATUS_PATH_PREFIX", "/a/status/"},
                            {"STATUS_PING_INTERVAL", "150ms"},
                            {"STATUS_MAX_MESSAGE_SIZE", "1MB"},
                            {"STATUS_REDIS_MAX_RETRIES", "0"},
                            {"STATUS_ALLOWED_ORIGINS", " a.org, *.b.org,,"},
                            {"STATUS_HANGUP", "TRUE"},
                            {"STATUS_COMPRESSION", "true"},
                            {"STATUS_LOG_LEVEL", "Warn"},
                            {"STATUS_IO_THREADS", "3"}});
  CAF_CHECK_EQUAL(values.listen_addr, std::vector<std::string>{"127.0.0.1:0"});
  CAF_CHECK_EQUAL(values.path_prefix, "/a/status");
  CAF_CHECK(values.ping_interval == 150ms);
  CAF_CHECK_EQUAL(values.max_message_size, 1048576u);
  CAF_CHECK_EQUAL(values.redis_max_retries, 0u);
  const std::vector<std::string> origins{"a.org", "*.b.org"};
  CAF_CHECK_EQUAL(values.allowed_origins, origins);
  CAF_CHECK(values.hangup);
  CAF_CHECK(values.compression);
  CAF_CHECK(values.log_level == actors::log_level::WARN);
  CAF_CHECK_EQUAL(values.io_threads, 3u);
}

CAF_TEST(the lists of the port are checked item by item) {
  const auto values = load(
      {{"STATUS_LISTEN_ADDR", "127.0.0.1:9002, [::1]:9002,unix:/run/a.sock"},
       {"STATUS_ADMIN_ADDR", "127.0.0.1:9003"},
       {"STATUS_TRUSTED_PROXIES",
        "10.0.0.0/8,::1, proxy, edge-1.example.,unix:"},
       {"STATUS_HOSTS", "status.example, *.inner.example"},
       {"STATUS_ALLOWED_CHANNELS", "*:log,run;1.a:*"},
       {"STATUS_SUBPROTOCOLS", "graphql-ws, v2"}});
  CAF_CHECK_EQUAL(values.listen_addr.size(), 3u);
  CAF_CHECK_EQUAL(values.listen_addr.back(), "unix:/run/a.sock");
  CAF_CHECK_EQUAL(values.admin_addr,
                  std::vector<std::string>{"127.0.0.1:9003"});
  CAF_CHECK_EQUAL(values.trusted_proxies.size(), 5u);
  CAF_CHECK_EQUAL(values.hosts.size(), 2u);
  CAF_CHECK_EQUAL(values.allowed_channels.size(), 2u);
  CAF_CHECK_EQUAL(values.subprotocols.size(), 2u);
  CAF_CHECK_EQUAL(own_host(values), "status.example");
  CAF_CHECK_EQUAL(own_host(load({{"STATUS_HOSTS", "*.a.example"}})),
                  "status2.a.example");
  for (const auto& [variable, text] :
       {std::pair{"STATUS_ALLOWED_ORIGINS", "https://a.example/"},
        std::pair{"STATUS_ALLOWED_ORIGINS", "[\"a.example\"]"},
        std::pair{"STATUS_ALLOWED_ORIGINS", "a.example b.example"},
        std::pair{"STATUS_ALLOWED_ORIGINS", "a.example; b.example"},
        std::pair{"STATUS_HOSTS", "a.example:80"},
        std::pair{"STATUS_ALLOWED_CHANNELS", "run/log"},
        std::pair{"STATUS_SUBPROTOCOLS", "a b"},
        std::pair{"STATUS_ADMIN_ADDR", "nonsense"},
        std::pair{"STATUS_LISTEN_ADDR", ":9002,nonsense"},
        std::pair{"STATUS_LISTEN_ADDR", "unix:relative"},
        std::pair{"STATUS_TRUSTED_PROXIES", "10.0.0.0/33"},
        std::pair{"STATUS_TRUSTED_PROXIES", "10.0.0.256"},
        std::pair{"STATUS_TRUSTED_PROXIES", "unix:/run/a"},
        std::pair{"STATUS_TRUSTED_PROXIES", "a b"}}) {
    const auto result = load_configuration({{variable, text}}, {});
    CAF_CHECK(result.error.starts_with(variable));
    CAF_CHECK(result.error.find("accepted: ") != std::string::npos);
  }
}

CAF_TEST(a list without an item is an error and not any item) {
  std::size_t lists = 0;
  for (const auto& row : keys()) {
    if (!std::holds_alternative<std::vector<std::string> configuration::*>(
            row.member))
      continue;
    ++lists;
    for (const auto* text : {",", " ", " , ,"}) {
      const auto error = error_of({{std::string(row.variable), text}});
      CAF_MESSAGE(row.variable << "=" << text);
      CAF_CHECK(error.starts_with(row.variable));
      CAF_CHECK(error.find("; accepted: ") != std::string::npos);
    }
    CAF_CHECK_EQUAL(error_of({{std::string(row.variable), ""}}), "");
  }
  CAF_CHECK_EQUAL(lists, 8u);
}

CAF_TEST(patterns of messages keep the spaces inside) {
  const auto values =
      load({{"STATUS_LATCH_PATTERNS", "COMPLETED*, TRIGGER *,{\"done\":*"}});
  const std::vector<std::string> patterns{"COMPLETED*", "TRIGGER *",
                                          "{\"done\":*"};
  CAF_CHECK_EQUAL(values.latch_patterns, patterns);
  const auto error =
      error_of({{"STATUS_LATCH_PATTERNS", "a*," + std::string(257, 'x')}});
  CAF_CHECK(error.starts_with("STATUS_LATCH_PATTERNS="));
  CAF_CHECK(error.find("at most 256 bytes") != std::string::npos);
}

CAF_TEST(backends are named as before and as they are) {
  using transport::io_backend;
  for (const auto& [text, backend] :
       {std::pair{"auto", io_backend::automatic},
        std::pair{"io_uring", io_backend::io_uring},
        std::pair{"AIO", io_backend::aio}, std::pair{"epoll", io_backend::aio},
        std::pair{"sendto", io_backend::sendto}})
    CAF_CHECK(load({{"STATUS_IO_BACKEND", text}}).io_backend == backend);
}

CAF_TEST(flags override the environment and empty text means default) {
  const variables environment{{"STATUS_PING_INTERVAL", "3s"},
                              {"STATUS_PONG_TIMEOUT", ""}};
  CAF_CHECK(load(environment).ping_interval == 3s);
  CAF_CHECK(load(environment).pong_timeout == 75s);
  CAF_CHECK(load(environment, {{"STATUS_PING_INTERVAL", "4s"}}).ping_interval ==
            4s);
  CAF_CHECK(load(environment, {{"STATUS_PING_INTERVAL", ""}}).ping_interval ==
            3s);
}

CAF_TEST(an error names the variable and the value and what is accepted) {
  CAF_CHECK_EQUAL(
      error_of({{"STATUS_PING_INTERVAL", "5x"}}),
      "STATUS_PING_INTERVAL=5x is not accepted; accepted: a duration from 1ms "
      "to 8760h, such as 150ms or 1m30s");
  // Examples lie within the bounds.
  CAF_CHECK_EQUAL(
      error_of({{"STATUS_FANOUT_INTERVAL", "2s"}}),
      "STATUS_FANOUT_INTERVAL=2s is not accepted; accepted: a duration from 0s "
      "to 1s, such as 500us or 150ms");
  CAF_CHECK_EQUAL(
      error_of({}, {{"STATUS_MAX_MESSAGE_SIZE", "1GB"}}),
      "STATUS_MAX_MESSAGE_SIZE=1GB (from --max-message-size) is not accepted; "
      "accepted: a size from 1 to 1024MB, in bytes, KB or MB");
}

CAF_TEST(values of the wrong kind or out of bounds are refused) {
  const std::vector<std::pair<const char*, const char*>> wrong{
      {"STATUS_LISTEN_ADDR", "9002"},   {"STATUS_LISTEN_ADDR", ":70000"},
      {"STATUS_PATH_PREFIX", "status"}, {"STATUS_PATH_PREFIX", "/a?b"},
      {"STATUS_PING_INTERVAL", "0s"},   {"STATUS_PING_INTERVAL", "-5s"},
      {"STATUS_PONG_TIMEOUT", "75"},    {"STATUS_WRITE_TIMEOUT", "9000h"},
      {"STATUS_MAX_MESSAGE_SIZE", "0"}, {"STATUS_REDIS_MAX_RETRIES", "-1"},
      {"STATUS_HANGUP", "maybe"},       {"STATUS_METRICS_ENABLED", "2"},
      {"STATUS_LOG_LEVEL", "verbose"},  {"STATUS_IO_THREADS", "65"},
      {"STATUS_MAX_CONNECTIONS", "0"},  {"REDIS_PORT", "0"},
      {"STATUS_IO_BACKEND", "kqueue"},  {"STATUS_FANOUT_INTERVAL", "2s"},
  };
  for (const auto& [variable, text] : wrong) {
    const auto error = error_of({{variable, text}});
    CAF_MESSAGE(variable << "=" << text);
    CAF_CHECK(error.starts_with(std::string(variable) + "=" + text + " "));
    CAF_CHECK(error.find("; accepted: ") != std::string::npos);
    CAF_CHECK(error.find('\n') == std::string::npos);
  }
}

CAF_TEST(the first backoff ceiling is bounded by the last) {
  const auto values = load(
      {{"STATUS_REDIS_RETRY_BASE", "10s"}, {"STATUS_REDIS_RETRY_MAX", "2s"}});
  CAF_CHECK(values.redis_retry_base == 2s);
}

CAF_TEST(passwords in urls are not shown) {
  CAF_CHECK_EQUAL(redact_url("redis://h:1/2"), "redis://h:1/2");
  CAF_CHECK_EQUAL(redact_url("redis://u@h:1/2"), "redis://u@h:1/2");
  CAF_CHECK_EQUAL(redact_url("redis://u:secret@h:1/2"), "redis://u:***@h:1/2");
  CAF_CHECK_EQUAL(redact_url("redis://:secret@h"), "redis://:***@h");
  CAF_CHECK_EQUAL(redact_url("redis://u:a:b@h/2"), "redis://u:***@h/2");
  CAF_CHECK_EQUAL(redact_url("redis://u:@[::1]:1/2"),
                  "redis://u:***@[::1]:1/2");
  CAF_CHECK_EQUAL(redact_url("redis://[::1]:1/2"), "redis://[::1]:1/2");
  CAF_CHECK_EQUAL(redact_url("unix:///run/redis.sock?db=2"),
                  "unix:///run/redis.sock?db=2");
  CAF_CHECK_EQUAL(redact_url("redis://u:se,cret@a:1,b:2/2"),
                  "redis://u:***@a:1,b:2/2");
  CAF_CHECK_EQUAL(redact_url("redis-sentinel://:secret@s1,s2/m"),
                  "redis-sentinel://:***@s1,s2/m");
  CAF_CHECK_EQUAL(redact_url("redis://h:6379/2?password=secret&db=2"),
                  "redis://h:6379/2?password=***&db=2");
  CAF_CHECK_EQUAL(redact_url("unix:///run/redis.sock?password=secret"),
                  "unix:///run/redis.sock?password=***");
  CAF_CHECK_EQUAL(redact_url(""), "");
}

CAF_TEST(of what is no url of ours nothing but the scheme is shown) {
  for (const char* text :
       {"redis://:secret", "redis://u:a@secret/d@h/2", "redis://secret/b@h",
        "redis://h:1/secret", "redis://h/2#secret"})
    CAF_CHECK_EQUAL(redact_url(text), "redis://***");
  CAF_CHECK_EQUAL(redact_url("http://secret@h"), "http://***");
  for (const char* text : {"u:secret@h", "secret", "u:secret://h", "/secret"})
    CAF_CHECK_EQUAL(redact_url(text), "***");
}

CAF_TEST(an error shows no password in whatever form it came) {
  for (const char* variable : {"STATUS_REDIS_URL", "REDIS_URL"})
    for (const char* text :
         {"redis://h:6379/x?password=secret", "redis://:secret", "secret"}) {
      const auto error = error_of({{variable, text}});
      CAF_CHECK(error.starts_with(variable));
      CAF_CHECK(error.find("secret") == std::string::npos);
      CAF_CHECK(error.find("***") != std::string::npos);
    }
}

CAF_TEST(origins hold no secret) {
  const auto result = load_configuration(
      {{"REDIS_URL", "redis://u:hidden@h"}, {"REDIS_PASSWORD", "hidden"}}, {});
  CAF_CHECK_EQUAL(result.origins.at("STATUS_REDIS_URL").source, "REDIS_URL");
  for (const auto& [variable, origin] : result.origins)
    CAF_CHECK(origin.text.find("hidden") == std::string::npos);
}
