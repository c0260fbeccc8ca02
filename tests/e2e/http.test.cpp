// /health, /ready, /metrics.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/viewer.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

unsigned ready_status(broker_process& broker) {
  return broker.get("/ready").status;
}

bool is_name(const std::string& text) {
  return text.starts_with("status2_") &&
         std::all_of(text.begin(), text.end(), [](char letter) {
           return (letter >= 'a' && letter <= 'z') ||
                  (letter >= '0' && letter <= '9') || letter == '_';
         });
}

bool is_number(const std::string& text) {
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return !text.empty() && end == text.c_str() + text.size();
}

/// The metric that a sample belongs to: a histogram's have endings.
std::string family_of(const std::string& sample) {
  for (const std::string_view end : {"_bucket", "_sum", "_count"})
    if (sample.ends_with(end))
      return sample.substr(0, sample.size() - end.size());
  return sample;
}

}  // namespace

CAF_TEST(health_is_ok_while_requests_are_served) {
  stage s;
  const auto response = s.broker.get("/health");
  CAF_CHECK_EQUAL(response.status, 200u);
  CAF_CHECK_EQUAL(response.body, "OK");
  CAF_CHECK_EQUAL(request(s.broker.port(), "HEAD", "/health").status, 200u);
}

CAF_TEST(operators_may_have_a_port_of_their_own) {
  stage s(environment{{"STATUS_ADMIN_ADDR", "127.0.0.1:0"},
                      {"STATUS_METRICS_ENABLED", "true"}});
  CAF_REQUIRE(s.broker.logs("listening", 2));
  const auto line = s.broker.logged("listening")[1];
  const auto port = line.at("port").to_number<std::uint16_t>();
  CAF_CHECK(s.view("run:two-ports").live());
  for (const auto* path : {"/ready", "/metrics", "/chaos/actors"})
    CAF_CHECK_EQUAL(s.broker.get(path).status, 404u);
  CAF_CHECK_EQUAL(s.broker.get("/health").status, 200u);
  for (const auto* path : {"/health", "/ready", "/metrics"})
    CAF_CHECK_EQUAL(request(port, "GET", path).status, 200u);
  CAF_CHECK_EQUAL(
      request(port, "GET", "/run:two-ports", upgrade_headers).status, 404u);
  CAF_CHECK(s.broker.stop() == 0);
}

CAF_TEST(a_refused_request_leaves_a_line_and_a_count) {
  stage s(environment{{"STATUS_ALLOWED_ORIGINS", "good.example"},
                      {"STATUS_METRICS_ENABLED", "true"}});
  const auto refused =
      request(s.broker.port(), "GET", "/run:log?token=secret",
              std::string(upgrade_headers) + "Origin: https://evil.test\r\n");
  CAF_CHECK_EQUAL(refused.status, 403u);
  CAF_REQUIRE(s.broker.logs("request refused"));
  const auto line = s.broker.logged("request refused")[0];
  CAF_CHECK_EQUAL(text_of(line, "level"), "INFO");
  CAF_CHECK_EQUAL(text_of(line, "reason"), "origin");
  CAF_CHECK_EQUAL(text_of(line, "origin"), "https://evil.test");
  CAF_CHECK_EQUAL(text_of(line, "path"), "/run:log");
  CAF_CHECK(text_of(line, "remote").starts_with("127.0.0.1:"));
  CAF_CHECK_EQUAL(
      s.broker.value(R"(status2_requests_refused_total{reason="origin"})"),
      1.0);
}

CAF_TEST(ready_tells_the_state_of_the_redis_link) {
  stage s(environment{{"STATUS_REDIS_MAX_RETRIES", "3"}});
  CAF_REQUIRE(s.view("run:ready").live());
  const auto response = s.broker.get("/ready");
  CAF_CHECK_EQUAL(response.status, 200u);
  const auto body = boost::json::parse(response.body).as_object();
  CAF_CHECK_EQUAL(text_of(body, "redis"), "up");
  CAF_CHECK_EQUAL(body.at("draining").as_bool(), false);
}

CAF_TEST(an_outage_is_surfaced_after_the_retries_and_taken_back) {
  stage s(environment{{"STATUS_REDIS_MAX_RETRIES", "3"}});
  auto viewer = s.view("run:outage");
  CAF_REQUIRE(viewer.live());
  CAF_CHECK(s.broker.metric_becomes("status2_redis_up", 1));
  s.redis.stop();
  CAF_CHECK(
      eventually(patience, [&] { return ready_status(s.broker) == 503; }));
  const auto body = boost::json::parse(s.broker.get("/ready").body).as_object();
  CAF_CHECK_EQUAL(text_of(body, "redis"), "unavailable");
  CAF_CHECK(s.broker.metric_becomes("status2_redis_up", 0));
  CAF_REQUIRE(s.broker.logs("redis unavailable"));
  CAF_CHECK_EQUAL(text_of(s.broker.logged("redis unavailable")[0], "level"),
                  "ERROR");
  CAF_CHECK_EQUAL(s.broker.get("/health").status, 200u);
  s.redis.start();
  CAF_CHECK(
      eventually(patience, [&] { return ready_status(s.broker) == 200; }));
  CAF_CHECK(s.broker.metric_becomes("status2_redis_up", 1));
  CAF_CHECK(viewer.live());
}

CAF_TEST(without_a_limit_of_retries_nothing_is_surfaced) {
  stage s(environment{{"STATUS_REDIS_MAX_RETRIES", "0"},
                      {"STATUS_REDIS_RETRY_BASE", "10ms"},
                      {"STATUS_REDIS_RETRY_MAX", "20ms"}});
  s.redis.stop();
  CAF_CHECK(s.broker.logs("redis subscribe failed", 20));
  CAF_CHECK_EQUAL(ready_status(s.broker), 200u);
  CAF_CHECK_EQUAL(s.broker.logged("redis unavailable").size(), 0u);
}

CAF_TEST(ready_is_503_while_the_broker_drains) {
  stage s;
  auto viewer = s.view("run:drain");
  CAF_REQUIRE(viewer.live());
  s.broker.child().signal(SIGTERM);
  CAF_REQUIRE_EQUAL(viewer.close_code(), 1001);
  // It does not answer the close, so that the broker waits for it.
  const auto response = s.broker.get("/ready");
  CAF_CHECK_EQUAL(response.status, 503u);
  const auto body = boost::json::parse(response.body).as_object();
  CAF_CHECK_EQUAL(body.at("draining").as_bool(), true);
  const auto refused =
      request(s.broker.port(), "GET", "/run:drain", upgrade_headers);
  CAF_CHECK_EQUAL(refused.status, 503u);
}

CAF_TEST(metrics_are_404_unless_switched_on) {
  stage s(environment{{"STATUS_METRICS_ENABLED", ""}});
  CAF_CHECK_EQUAL(s.broker.get("/metrics").status, 404u);
}

CAF_TEST(metrics_are_in_the_prometheus_text_format) {
  stage s;
  const auto response = s.broker.get("/metrics");
  CAF_CHECK_EQUAL(response.status, 200u);
  CAF_CHECK(response.header("content-type")
                .value_or("")
                .starts_with("text/plain; version=0.0.4"));
  std::set<std::string> samples;
  std::set<std::string> typed;
  std::istringstream lines(response.body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      typed.insert(line.substr(7, line.find(' ', 7) - 7));
      continue;
    }
    if (line.starts_with("# HELP ")) continue;
    const auto space = line.rfind(' ');
    CAF_REQUIRE(space != std::string::npos);
    const auto name = line.substr(0, std::min(line.find('{'), space));
    if (!is_name(name)) CAF_ERROR("a name of another's: " << name);
    CAF_CHECK(is_number(line.substr(space + 1)));
    CAF_CHECK_EQUAL(typed.count(family_of(name)), 1u);
    CAF_CHECK(samples.insert(line.substr(0, space)).second);
  }
  CAF_CHECK(response.body.ends_with('\n'));
  for (auto* name :
       {"status2_connections_active", "status2_messages_forwarded_total",
        "status2_redis_reconnects_total", "status2_write_errors_total"})
    CAF_CHECK_EQUAL(samples.count(name), 1u);
}

CAF_TEST(metrics_count_what_happens) {
  stage s;
  {
    auto viewers = live_viewers(s.broker, "run:counted", 3);
    CAF_CHECK(s.broker.metric_becomes("status2_connections_active", 3));
    for (int i = 0; i < 5; ++i) {
      s.redis.publish("run:counted", "x");
      CAF_CHECK_EQUAL(receivers(viewers, "x"), 3u);
    }
    CAF_CHECK(s.broker.metric_becomes("status2_messages_forwarded_total", 15));
    CAF_CHECK(s.broker.metric_becomes("status2_messages_received_total", 5));
    CAF_CHECK(s.broker.metric_becomes("status2_channels_active", 1));
    CAF_CHECK(s.broker.metric_becomes("status2_channels_subscribed", 1));
    s.redis.kill_pubsub_clients();
    CAF_CHECK(s.broker.metric_becomes("status2_redis_reconnects_total", 1));
  }
  CAF_CHECK(s.broker.metric_becomes("status2_connections_active", 0));
  CAF_CHECK(s.broker.metric_becomes("status2_channels_active", 0));
  CAF_CHECK(s.broker.metric_becomes("status2_channels_subscribed", 0));
}
