// STATUS_LISTEN_ADDR as a list, Unix sockets, PROXY headers, names of proxies:
// the whole program and its own clients.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/temporary_directory.hpp"

#include <caf/test/unit_test.hpp>

#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

std::string loopback(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

int code(const outcome& result) {
  return result.exit_code.value_or(-1);
}

struct fixture {
  /// Serves at `port` and at the socket.
  environment both_addresses() const {
    return {{"STATUS_LISTEN_ADDR", loopback(port) + ", unix:" + path}};
  }
  broker_options options(environment more = {}) const {
    more.merge(both_addresses());
    return {.variables = std::move(more), .port = port};
  }

  redis_server redis;
  temporary_directory folder;
  const std::string path = folder.path() + "/status2.sock";
  const std::uint16_t port = free_port();
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(address_tests, fixture)

CAF_TEST(own_clients_reach_every_address_of_the_list) {
  broker_process broker(redis, options());
  CAF_CHECK(broker.logs("listening", 2));
  for (const auto& list : {loopback(port) + ",unix:" + path,
                           "unix:" + path + "," + loopback(port)})
    CAF_CHECK_EQUAL(
        code(run_status2({"healthcheck"}, {{"STATUS_LISTEN_ADDR", list}})), 0);
  process watching({.command = {status2_binary(), "watch", "--count", "1",
                                "ws+unix://" + path + ":/run:channel"}});
  CAF_REQUIRE(broker.metric_becomes("status2_connections_active", 1));
  CAF_REQUIRE(broker.logs("client connected"));
  CAF_CHECK_EQUAL(text_of(broker.logged("client connected").at(0), "remote"),
                  "unix:" + path);
  CAF_CHECK(eventually(patience, [&] {
    run_status2({"publish", "run:channel", "hello"},
                {{"STATUS_REDIS_URL", redis.url()}});
    return !watching.running();
  }));
  CAF_CHECK_EQUAL(watching.wait(patience).value_or(-1), 0);
  CAF_CHECK_EQUAL(watching.lines(), std::vector<std::string>{"hello"});
  CAF_CHECK_EQUAL(broker.stop().value_or(-1), 0);
  CAF_CHECK(!std::filesystem::exists(path));
  const auto gone =
      run_status2({"healthcheck"}, {{"STATUS_LISTEN_ADDR", "unix:" + path}});
  CAF_CHECK_EQUAL(code(gone), 1);
  CAF_CHECK(gone.errors.find("unix:" + path) != std::string::npos);
}

CAF_TEST(the_socket_of_a_killed_broker_is_replaced_and_that_of_another_is_not) {
  {
    broker_process killed(redis, options());
    killed.child().signal(SIGKILL);
    CAF_CHECK(killed.child().wait(patience).has_value());
  }
  CAF_REQUIRE(std::filesystem::exists(path));
  broker_process broker(redis, options());
  const auto second = run_status2({}, {{"STATUS_LISTEN_ADDR", "unix:" + path},
                                       {"STATUS_REDIS_URL", redis.url()}});
  CAF_CHECK_EQUAL(code(second), 1);
  std::size_t lines = 0;
  for (std::size_t at = second.output.find("could not serve");
       at != std::string::npos;
       at = second.output.find("could not serve", at + 1))
    ++lines;
  CAF_CHECK_EQUAL(lines, 1u);
  CAF_CHECK(second.output.find("unix:" + path) != std::string::npos);
  CAF_CHECK(second.output.find("Address already in use") != std::string::npos);
  CAF_CHECK_EQUAL(code(run_status2({"healthcheck"},
                                   {{"STATUS_LISTEN_ADDR", "unix:" + path}})),
                  0);
}

CAF_TEST(behind_a_proxy_that_sends_its_header_the_own_health_check_works) {
  // The port for operators is not the proxy's.
  const auto clients = free_port();
  environment variables{{"STATUS_LISTEN_ADDR", loopback(clients)},
                        {"STATUS_ADMIN_ADDR", loopback(port)},
                        {"STATUS_PROXY_PROTOCOL", "true"},
                        {"STATUS_TRUSTED_PROXIES", "192.0.2.1"}};
  broker_process broker(redis, {.variables = variables, .port = port});
  CAF_CHECK_EQUAL(code(run_status2({"healthcheck"}, variables)), 0);
  CAF_CHECK_EQUAL(request(clients, "GET", "/health").status, 400u);
  CAF_CHECK(broker.metric_becomes(
      R"(status2_requests_refused_total{reason="proxy_header"})", 1));
  tcp_client forger(clients);
  forger.send("PROXY TCP4 198.51.100.7 192.0.2.1 1 2\r\n");
  CAF_CHECK_EQUAL(read_response(forger).status, 403u);
  CAF_CHECK(broker.metric_becomes(
      R"(status2_requests_refused_total{reason="proxy_peer"})", 1));
  CAF_CHECK(broker.logs("request refused"));
}

CAF_TEST(a_proxy_may_be_named) {
  auto named =
      options({{"STATUS_TRUSTED_PROXIES", "localhost,no-such-host.invalid"}});
  // A name server that refuses at once, whatever the machine has.
  named.resolver = folder.write(
      "resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
  broker_process broker(redis, std::move(named));
  CAF_CHECK(broker.logs("trusted proxy found"));
  CAF_CHECK_EQUAL(text_of(broker.logged("trusted proxy found").at(0), "name"),
                  "localhost");
  auto client = broker.view("run:channel",
                            {.headers = "X-Forwarded-For: 198.51.100.7\r\n"});
  CAF_REQUIRE(client.live());
  CAF_REQUIRE(broker.logs("client connected"));
  CAF_CHECK_EQUAL(text_of(broker.logged("client connected").at(0), "remote"),
                  "198.51.100.7");
  CAF_CHECK(broker.logs("trusted proxy not found"));
  CAF_CHECK_EQUAL(
      text_of(broker.logged("trusted proxy not found").at(0), "name"),
      "no-such-host.invalid");
}

CAF_TEST_FIXTURE_SCOPE_END()
