// SIGHUP: the configuration is read again, whole or not at all.
#include "tests/support/crowd.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fault_gate.hpp"
#include "tests/support/living.hpp"
#include "tests/support/numbered_producer.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <csignal>
#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

std::string url_at(std::uint16_t port, const std::string& login = "") {
  return "redis://" + login + "127.0.0.1:" + std::to_string(port) + "/2";
}

/// A crowd that watches numbered messages while `change` happens: nothing is
/// lost and nothing comes twice.
template <class Change>
void check_under_load(living& l, numbered_producer& producer, Change change) {
  crowd people({l.broker->port(), {"run:a", "run:b"}, 40});
  CAF_REQUIRE(eventually(patience, [&] { return people.live() == 40; }));
  const auto steady = [&](std::chrono::milliseconds time) {
    producer.publish_until(std::chrono::steady_clock::now() + time, 1000,
                           [] {});
  };
  steady(300ms);
  change([&](auto until) {
    CAF_REQUIRE(eventually(patience, [&] {
      steady(20ms);
      return until();
    }));
  });
  steady(300ms);
  CAF_CHECK(people.settles());
  const auto report = people.judge(producer.published());
  CAF_CHECK_EQUAL(report.received, producer.count() * 20);
  CAF_CHECK_EQUAL(report.lost_untold, 0u);
  CAF_CHECK_EQUAL(report.lost_told, 0u);
  CAF_CHECK_EQUAL(report.duplicated, 0u);
  CAF_CHECK_EQUAL(report.reordered, 0u);
  CAF_CHECK_EQUAL(report.gaps, 0u);
  CAF_CHECK(report.closes.empty());
}

}  // namespace

CAF_TEST(origins_hosts_and_channels_change_without_dropping_anybody) {
  living l("STATUS_ALLOWED_ORIGINS=a.example\n");
  auto viewer = l.broker->view("run:stays");
  CAF_REQUIRE(viewer.live());
  CAF_CHECK_EQUAL(l.ask("Origin: https://a.example\r\n"), 101u);
  CAF_CHECK_EQUAL(l.ask("Origin: https://b.example\r\n"), 403u);
  CAF_REQUIRE(
      l.reload("STATUS_ALLOWED_ORIGINS=b.example\n"
               "STATUS_ALLOWED_CHANNELS=*:c,run:*\n"));
  CAF_CHECK_EQUAL(l.last("configuration reloaded", "settings"),
                  "STATUS_ALLOWED_ORIGINS, STATUS_ALLOWED_CHANNELS");
  CAF_CHECK(eventually(patience, [&] {
    return l.ask("Origin: https://a.example\r\n") == 403u;
  }));
  CAF_CHECK_EQUAL(l.ask("Origin: https://b.example\r\n"), 101u);
  CAF_CHECK_EQUAL(l.ask("", "/r:d"), 403u);
  l.redis.publish("run:stays", "still");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("still"));
}

CAF_TEST(limits_log_level_and_metrics_change) {
  living l("", {{"STATUS_LOG_LEVEL", ""}, {"STATUS_METRICS_ENABLED", ""}});
  CAF_CHECK_EQUAL(l.broker->get("/metrics").status, 404u);
  auto first = l.broker->view("run:a");
  CAF_REQUIRE(first.live());
  CAF_REQUIRE(
      l.reload("STATUS_METRICS_ENABLED=true\nSTATUS_LOG_LEVEL=debug\n"
               "STATUS_MAX_CONNECTIONS=1\n"
               "STATUS_CLIENT_MESSAGE_RATE=1\n"
               "STATUS_CLIENT_MESSAGE_BURST=2\n"));
  CAF_CHECK_EQUAL(l.broker->value("status2_connections_limit"), 1.0);
  CAF_CHECK_EQUAL(l.ask(""), 503u);
  for (int i = 0; i < 9; ++i)
    first.init();
  CAF_CHECK_EQUAL(first.close_code(), 1008u);
}

CAF_TEST(a_drain_that_goes_on_follows_a_new_window) {
  living l("STATUS_DRAIN_WINDOW=1h\n");
  auto viewers = live_viewers(*l.broker, "run:a", 3);
  l.broker->child().signal(SIGTERM);
  // One goes at once.
  CAF_CHECK(l.broker->metric_becomes("status2_connections_active", 2));
  CAF_CHECK(l.reload("STATUS_DRAIN_WINDOW=0s\n"));
  CAF_CHECK_EQUAL(l.broker->child().wait(patience).value_or(-1), 0);
  for (auto& viewer : viewers)
    CAF_CHECK_EQUAL(viewer.close_code(), 1001u);
}

CAF_TEST(a_configuration_that_is_not_accepted_changes_nothing) {
  living l("STATUS_ALLOWED_ORIGINS=a.example\n");
  CAF_CHECK_EQUAL(l.broker->value("status2_config_last_reload_successful"),
                  1.0);
  const auto accepted =
      l.broker->value("status2_config_last_reload_success_timestamp_seconds");
  CAF_CHECK(accepted > 0);
  l.write("STATUS_ALLOWED_ORIGINS=b.example\nSTATUS_PINGS=1\n");
  CAF_REQUIRE(l.hang_up("configuration not accepted"));
  CAF_CHECK_EQUAL(l.last("configuration not accepted", "error"),
                  l.file + ":3: STATUS_PINGS is unknown; see status2 --help");
  CAF_CHECK_EQUAL(l.broker->value("status2_config_last_reload_successful"),
                  0.0);
  CAF_CHECK_EQUAL(l.ask("Origin: https://a.example\r\n"), 101u);
  CAF_CHECK_EQUAL(l.ask("Origin: https://b.example\r\n"), 403u);
  CAF_CHECK(l.reload("STATUS_ALLOWED_ORIGINS=b.example\n"));
  CAF_CHECK_EQUAL(l.broker->value("status2_config_last_reload_successful"),
                  1.0);
  CAF_CHECK(
      l.broker->value("status2_config_last_reload_success_timestamp_seconds") >=
      accepted);
}

CAF_TEST(a_key_that_needs_a_restart_is_named_and_keeps_its_value) {
  living l("", {{"STATUS_IO_THREADS", ""}});
  CAF_REQUIRE(l.reload("STATUS_MAX_PAYLOAD=1KB\nSTATUS_PATH_PREFIX=/p\n"));
  CAF_CHECK(l.broker->logs("restart needed"));
  CAF_CHECK_EQUAL(l.last("restart needed", "settings"), "STATUS_MAX_PAYLOAD");
  auto viewer = l.broker->view("/p/run:a");
  CAF_REQUIRE(viewer.live());
  const std::string large(2000, 'x');
  l.redis.publish("run:a", large);
  CAF_CHECK_EQUAL(viewer.next_message(), status_text(large));
}

CAF_TEST(the_chaos_token_is_read_again) {
  temporary_directory secrets;
  const auto token = secrets.write("token", "0123456789abcdef");
  living l("STATUS_CHAOS_TOKEN_FILE=" + token + "\n");
  const auto tree = [&](const std::string& with) {
    return request(l.broker->port(), "GET", "/chaos/actors",
                   "Authorization: Bearer " + with + "\r\n")
        .status;
  };
  CAF_CHECK_EQUAL(tree("0123456789abcdef"), 200u);
  secrets.write("token", "fedcba9876543210");
  CAF_REQUIRE(l.hang_up("configuration reloaded"));
  CAF_CHECK_EQUAL(l.last("configuration reloaded", "settings"),
                  "STATUS_CHAOS_TOKEN_FILE");
  CAF_CHECK_EQUAL(tree("0123456789abcdef"), 401u);
  CAF_CHECK_EQUAL(tree("fedcba9876543210"), 200u);
  secrets.write("token", "short");
  CAF_REQUIRE(l.hang_up("configuration not accepted"));
  CAF_CHECK_EQUAL(tree("fedcba9876543210"), 200u);
}

CAF_TEST(a_signal_during_a_reload_causes_one_more) {
  living l("");
  for (int i = 0; i < 50; ++i)
    l.broker->child().signal(SIGHUP);
  CAF_REQUIRE(l.reload("STATUS_ALLOWED_ORIGINS=last.example\n"));
  CAF_CHECK(eventually(patience, [&] {
    return l.ask("Origin: https://other.example\r\n") == 403u;
  }));
}

CAF_TEST(a_password_is_rotated_without_a_lost_or_a_doubled_message) {
  temporary_directory secrets;
  const auto password = secrets.write("password", "old-sesame");
  living l("", {{"STATUS_REDIS_PASSWORD_FILE", password}},
           {.password = "old-sesame"});
  numbered_producer producer(
      [&](const std::string& channel, const std::string& text) {
        l.redis.publish(channel, text);
      },
      {"run:a", "run:b"});
  redis_client operator_(l.redis.port(), "old-sesame");
  check_under_load(l, producer, [&](auto publish_until) {
    operator_.command({"ACL", "SETUSER", "default", ">new-sesame"});
    secrets.write("password", "new-sesame");
    l.broker->child().signal(SIGHUP);
    publish_until([&] { return !l.broker->logged("redis changed").empty(); });
    operator_.command({"ACL", "SETUSER", "default", "<old-sesame"});
    CAF_CHECK_EQUAL(l.broker->logged("redis stream interrupted").size(), 0u);
  });
  CAF_CHECK_EQUAL(l.last("redis changed", "link"), "second");
  CAF_CHECK_EQUAL(l.broker->value("status2_redis_change_pending"), 0.0);
  CAF_CHECK_EQUAL(l.broker->value("status2_redis_reconnects_total"), 0.0);
  // The next connection logs in with it.
  l.redis.password("new-sesame");
  l.redis.kill_pubsub_clients();
  CAF_CHECK(l.broker->logs("redis stream interrupted"));
  CAF_CHECK(l.broker->view("run:a").live());
  for (const auto& line : l.broker->child().lines())
    CAF_CHECK(line.find("sesame") == std::string::npos);
}

CAF_TEST(another_address_of_the_same_redis_costs_no_message) {
  living l("", {{"STATUS_CANARY_INTERVAL", "100ms"}});
  numbered_producer producer(l.redis.port(), {"run:a", "run:b"});
  fault_gate gate(l.redis.port());
  check_under_load(l, producer, [&](auto publish_until) {
    for (const auto port : {gate.port(), l.redis.port(), gate.port()}) {
      const auto before = l.broker->logged("redis changed").size();
      CAF_REQUIRE(l.reload("STATUS_REDIS_URL=" + url_at(port) + "\n"));
      publish_until(
          [&] { return l.broker->logged("redis changed").size() > before; });
    }
  });
  CAF_CHECK_EQUAL(l.last("redis changed", "link"), "second");
  CAF_CHECK(gate.open() > 0);
  CAF_CHECK(
      eventually(patience, [&] { return l.redis.pubsub_clients() == 1; }));
  CAF_CHECK_EQUAL(l.broker->logged("canary late").size(), 0u);
}

CAF_TEST(the_old_link_stays_until_the_new_one_serves) {
  living l("");
  auto viewer = l.broker->view("run:a");
  CAF_REQUIRE(viewer.live());
  redis_server other;
  const auto port = other.port();
  other.stop();
  CAF_REQUIRE(l.reload("STATUS_REDIS_URL=" + url_at(port) + "\n"));
  CAF_REQUIRE(l.broker->logs("redis change failed", 2));
  CAF_CHECK_EQUAL(l.broker->value("status2_redis_change_pending"), 1.0);
  CAF_CHECK_EQUAL(l.broker->value("status2_config_last_reload_successful"),
                  1.0);
  l.redis.publish("run:a", "old");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("old"));
  other.start();
  CAF_REQUIRE(l.broker->logs("redis changed"));
  CAF_CHECK(l.broker->metric_becomes("status2_redis_change_pending", 0));
  other.publish("run:a", "new");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("new"));
  CAF_CHECK(
      eventually(patience, [&] { return l.redis.pubsub_clients() == 0; }));
}

CAF_TEST(without_the_right_to_publish_the_password_counts_from_the_next_link) {
  const std::string rights = " ~* &* +@all -publish";
  living l("", {}, {.users = {"bob on >one" + rights}});
  CAF_REQUIRE(
      l.reload("STATUS_REDIS_URL=" + url_at(l.redis.port(), "bob:one@")));
  CAF_REQUIRE(l.broker->logs("redis changed"));
  auto viewer = l.broker->view("run:a");
  CAF_REQUIRE(viewer.live());
  l.redis.client().command({"ACL", "SETUSER", "bob", ">two"});
  CAF_REQUIRE(
      l.reload("STATUS_REDIS_URL=" + url_at(l.redis.port(), "bob:two@")));
  CAF_REQUIRE(l.broker->logs("redis changed", 2));
  CAF_CHECK_EQUAL(l.last("redis changed", "link"), "");
  l.redis.client().command({"ACL", "SETUSER", "bob", "<one"});
  l.redis.publish("run:a", "1");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("1"));
  l.redis.kill_pubsub_clients();
  CAF_REQUIRE(l.broker->logs("redis subscribe established", 3));
  CAF_CHECK(viewer.live());
}
