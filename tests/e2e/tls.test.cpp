// The whole broker over TLS: messages, commands, certificates that are no use.
#include "tests/support/authority.hpp"
#include "tests/support/event_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/tcp_client.hpp"
#include "tests/support/viewer.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

int code(const outcome& result) {
  return result.exit_code.value_or(-1);
}

/// A broker that speaks TLS at one port and is plain at another.
struct fixture {
  fixture() { trusted.sign("server", "localhost", "DNS:localhost"); }

  environment variables(environment more = {}) const {
    more.try_emplace("STATUS_LISTEN_ADDR", "127.0.0.1:" + std::to_string(port));
    more.try_emplace("STATUS_ADMIN_ADDR",
                     "127.0.0.1:" + std::to_string(admin_port));
    more.try_emplace("STATUS_TLS_CERT_FILE", trusted.file("server.pem"));
    more.try_emplace("STATUS_TLS_KEY_FILE", trusted.file("server.key"));
    return more;
  }
  broker_options options(environment more = {}) const {
    return {.variables = variables(std::move(more)), .port = admin_port};
  }
  tcp_client connect(const tls_client_options& how = {}) const {
    tcp_client connection(port);
    connection.secure(how);
    return connection;
  }
  std::string url(const std::string& scheme) const {
    return scheme + "://localhost:" + std::to_string(port) + "/run:tls";
  }
  /// The start is refused, for a reason that names `variable`.
  void check_refused(const environment& more, const std::string& variable) {
    const auto result = run_status2({"--check-config"}, variables(more));
    CAF_MESSAGE(result.errors);
    CAF_CHECK_EQUAL(code(result), 2);
    CAF_CHECK(result.errors.find(variable) != std::string::npos);
  }

  redis_server redis;
  const std::uint16_t port = free_port();
  const std::uint16_t admin_port = free_port();
  authority trusted{"status2 test"};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(tls_tests, fixture)

CAF_TEST(a_message_reaches_websockets_and_event_streams_over_tls) {
  broker_process broker(redis, options());
  CAF_REQUIRE(broker.logs("tls"));
  const auto line = broker.logged("tls")[0];
  CAF_CHECK_EQUAL(text_of(line, "certificate"), trusted.file("server.pem"));
  CAF_CHECK(text_of(line, "kernel_tls") == "yes" ||
            !text_of(line, "reason").empty());
  CAF_CHECK(broker.value("status2_tls_certificate_expiry_timestamp_seconds") >
            1e9);
  std::vector<viewer> viewers;
  for (int i = 0; i < 12; ++i) {  // more than go one by one
    viewers.emplace_back(connect({.newest = i % 2 == 0}), "run:tls");
    CAF_REQUIRE(viewers.back().live());
  }
  event_source stream(connect(), "/run:tls");
  CAF_REQUIRE(broker.metric_becomes("status2_replays_complete_total", 1));
  redis.publish("run:tls", "to all");
  for (auto& one : viewers)
    CAF_CHECK_EQUAL(one.next_message(), status_text("to all"));
  CAF_CHECK(stream.next_message().find("resumed") != std::string::npos);
  CAF_CHECK(stream.next_message().find("to all") != std::string::npos);
  CAF_CHECK(broker.metric_becomes("status2_connections_tls_active", 13));
  CAF_CHECK(broker.value("status2_tls_handshakes_total") >= 13);
  viewers.clear();
  CAF_CHECK(broker.metric_becomes("status2_connections_tls_active", 1));
  CAF_CHECK_EQUAL(broker.value("status2_conservation_imbalance"), 0);
  CAF_CHECK_EQUAL(broker.stop().value_or(-1), 0);
}

CAF_TEST(plain_http_and_failed_handshakes_are_told) {
  broker_process broker(redis, options());
  const auto answer = request(port, "GET", "/health");
  CAF_CHECK_EQUAL(answer.status, 400u);
  CAF_CHECK_EQUAL(answer.body, "this port speaks TLS: use https or wss\n");
  CAF_CHECK(broker.metric_becomes(
      R"(status2_requests_refused_total{reason="plain_http"})", 1));
  tcp_client wrong(port);
  try {
    wrong.secure({.protocol = "h2"});
    CAF_ERROR("HTTP/2 was agreed upon");
  } catch (const std::runtime_error&) {
  }
  CAF_CHECK(broker.metric_becomes("status2_tls_handshakes_failed_total", 1));
  CAF_REQUIRE(broker.logs("tls handshake failed"));
  CAF_CHECK_EQUAL(text_of(broker.logged("tls handshake failed")[0], "error"),
                  "no application protocol");
}

CAF_TEST(files_that_are_no_use_stop_the_start) {
  check_refused({{"STATUS_TLS_KEY_FILE", ""}}, "STATUS_TLS_CERT_FILE");
  check_refused({{"STATUS_TLS_CERT_FILE", ""}}, "STATUS_TLS_KEY_FILE");
  check_refused({{"STATUS_TLS_CERT_FILE", "/absent"}}, "STATUS_TLS_CERT_FILE");
  check_refused({{"STATUS_TLS_KEY_FILE", trusted.file("ca.key")}},
                "STATUS_TLS_KEY_FILE");
  check_refused({{"STATUS_TLS_CERT_FILE", ""},
                 {"STATUS_TLS_KEY_FILE", ""},
                 {"STATUS_TLS_CLIENT_CA_FILE", trusted.certificate()}},
                "STATUS_TLS_CLIENT_CA_FILE");
  check_refused({{"STATUS_TLS_CLIENT_CA_FILE", trusted.file("server.key")}},
                "STATUS_TLS_CLIENT_CA_FILE");
}

CAF_TEST(the_own_commands_reach_the_broker_over_tls) {
  const temporary_directory folder;
  const auto token = folder.write("token", "a token of sixteen letters\n");
  const auto path = folder.path() + "/status2.sock";
  const auto both = "127.0.0.1:" + std::to_string(port) + ",unix:" + path;
  const environment shared{{"STATUS_ADMIN_ADDR", ""},
                           {"STATUS_CHAOS_TOKEN_FILE", token},
                           {"STATUS_LISTEN_ADDR", both},
                           {"STATUS_REDIS_URL", redis.url()}};
  process broker(
      {.command = {status2_binary()}, .variables = variables(shared)});
  CAF_REQUIRE(eventually(patience, [&] {
    return code(run_status2({"healthcheck"}, variables(shared))) == 0;
  }));
  CAF_CHECK_EQUAL(code(run_status2({"chaos", "tree"}, variables(shared))), 0);
  // A Unix socket is plain: whoever gets there is on the machine.
  auto alone = variables(shared);
  alone["STATUS_LISTEN_ADDR"] = "unix:" + path;
  CAF_CHECK_EQUAL(code(run_status2({"healthcheck"}, alone)), 0);
  broker.signal(SIGTERM);
  CAF_CHECK_EQUAL(broker.wait(patience).value_or(-1), 0);
}

CAF_TEST(where_clients_need_a_certificate_the_health_check_asks_beside_them) {
  const environment mutual{
      {"STATUS_TLS_CLIENT_CA_FILE", trusted.certificate()}};
  broker_process broker(redis, options(mutual));
  trusted.sign("client", "somebody", "");
  viewer known(connect({.certificate = trusted.file("client.pem"),
                        .key = trusted.file("client.key")}),
               "run:tls");
  CAF_CHECK(known.live());
  CAF_CHECK_EQUAL(code(run_status2({"healthcheck"}, variables(mutual))), 0);
}

CAF_TEST(watch_checks_the_certificate_and_goes_on_over_tls) {
  broker_process broker(redis, options());
  const auto stranger = run_status2({"watch", "--count", "1", "--ca-file",
                                     trusted.file("server.key"), url("wss")},
                                    {});
  CAF_CHECK_EQUAL(code(stranger), 1);
  for (const bool events : {false, true}) {
    std::vector<std::string> command{status2_binary(), "watch",
                                     "--count",        "1",
                                     "--ca-file",      trusted.certificate()};
    if (events) command.emplace_back("--sse");
    command.push_back(url(events ? "https" : "wss"));
    process watching({.command = command});
    CAF_REQUIRE(eventually(patience, [&] {
      redis.publish("run:tls", "over TLS");
      return !watching.running();
    }));
    CAF_CHECK_EQUAL(watching.wait(patience).value_or(-1), 0);
    CAF_CHECK_EQUAL(watching.lines(), std::vector<std::string>{"over TLS"});
  }
  // Whom the system trusts is not who signed this.
  process wary({.command = {status2_binary(), "watch", url("wss")}});
  CAF_CHECK(eventually(patience, [&] {
    return wary.errors().find("certificate verify failed") != std::string::npos;
  }));
}

CAF_TEST_FIXTURE_SCOPE_END()
