// Several addresses of one listener, Unix sockets among them.
#include "tests/support/eventually.hpp"
#include "tests/support/listener_requests.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/transport_server.hpp"

#include <caf/test/unit_test.hpp>

#include <filesystem>
#include <string>

using namespace status2;
using namespace status2::support;

namespace {

struct fixture {
  transport_options options() const {
    transport_options result;
    result.more_addresses = {"unix:" + path};
    return result;
  }
  http_response over_unix(std::string_view text) const {
    tcp_client connection(path);
    connection.send(text);
    return read_response(connection);
  }

  temporary_directory folder;
  const std::string path = folder.path() + "/status2.sock";
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(unix_listener_tests, fixture)

CAF_TEST(pages_and_channels_are_served_at_every_address) {
  transport_server server(options());
  CAF_CHECK_EQUAL(asked(server, "GET", "/health").status, 200u);
  CAF_CHECK_EQUAL(
      over_unix("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
      200u);
  tcp_client viewer(path);
  viewer.send(upgrade("/run:channel"));
  CAF_CHECK_EQUAL(read_response(viewer).status, 101u);
  CAF_REQUIRE(eventually(patience, [&] { return server.sessions() == 1; }));
  server.publish("hello");
  const auto until = std::chrono::steady_clock::now() + patience;
  while (viewer.buffer().find("hello") == std::string::npos &&
         viewer.receive(until)) {
  }
  CAF_CHECK(viewer.buffer().find("hello") != std::string::npos);
  CAF_CHECK_EQUAL(server.remotes(), std::vector<std::string>{"unix:" + path});
}

CAF_TEST(all_addresses_share_the_limit_of_connections) {
  auto with_limit = options();
  with_limit.admission.connections = 1;
  transport_server server(with_limit);
  tcp_client viewer(path);
  viewer.send(upgrade("/run:channel"));
  CAF_CHECK_EQUAL(read_response(viewer).status, 101u);
  CAF_CHECK_EQUAL(answer_to(server, upgrade("/run:channel")).status, 503u);
  CAF_CHECK_EQUAL(over_unix(upgrade("/run:channel")).status, 503u);
}

CAF_TEST(clients_of_a_unix_socket_are_not_one_address) {
  auto with_limit = options();
  with_limit.admission.connections_per_address = 1;
  transport_server server(with_limit);
  std::vector<tcp_client> viewers;
  for (int i = 0; i < 3; ++i) {
    viewers.emplace_back(path);
    viewers.back().send(upgrade("/run:channel"));
    CAF_CHECK_EQUAL(read_response(viewers.back()).status, 101u);
  }
}

CAF_TEST(the_forwarded_address_counts_if_unix_peers_are_trusted) {
  const auto from = [](std::string_view address) {
    return upgrade("/run:channel",
                   "X-Forwarded-For: " + std::string(address) + "\r\n");
  };
  auto with_limit = options();
  with_limit.admission.connections_per_address = 1;
  transport_server server(with_limit);
  // Nobody is trusted: what is said does not count.
  std::vector<tcp_client> viewers;
  const auto connect = [&](std::string_view address) {
    viewers.emplace_back(path);
    viewers.back().send(from(address));
    return read_response(viewers.back()).status;
  };
  CAF_CHECK_EQUAL(connect("192.0.2.1"), 101u);
  CAF_CHECK_EQUAL(connect("192.0.2.1"), 101u);
  server.trust(transport::proxy_set({}, true));
  CAF_CHECK_EQUAL(connect("192.0.2.1"), 101u);
  CAF_CHECK_EQUAL(connect("192.0.2.1"), 503u);
  CAF_CHECK_EQUAL(connect("192.0.2.2"), 101u);
  const std::vector<std::string> remotes{"unix:" + path, "unix:" + path,
                                         "192.0.2.1", "192.0.2.2"};
  CAF_CHECK_EQUAL(server.remotes(), remotes);
  // Unix peers, not those of TCP.
  CAF_CHECK_EQUAL(answer_to(server, from("192.0.2.1")).status, 101u);
}

CAF_TEST(the_file_goes_when_the_listener_stops) {
  transport_server server(options());
  CAF_CHECK(std::filesystem::exists(path));
  server.stop_listening();
  CAF_CHECK(!std::filesystem::exists(path));
}

CAF_TEST_FIXTURE_SCOPE_END()
