// Rules for requests as they arrive on a socket, beside those of
// listener.test.cpp.
#include "tests/support/eventually.hpp"
#include "tests/support/listener_requests.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"
#include "transport/listener.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace status2;
using namespace status2::support;

CAF_TEST(every_answer_has_a_date) {
  transport_server server;
  for (const auto* path : {"/health", "/nothing", "/metrics"})
    CAF_CHECK(asked(server, "GET", path).header("date"));
  viewer client(server.port(), "run:channel");
  CAF_CHECK(client.answer().header("date"));
}

CAF_TEST(more_than_100_header_fields_are_431) {
  transport_server server;
  const auto with_fields = [&](int count) {
    std::string fields;
    for (int i = 0; i < count; ++i)
      fields += "a:\r\n";
    return answer_to(server, upgrade("/run:channel", fields)).status;
  };
  // Host and four fields of the upgrade come before.
  CAF_CHECK_EQUAL(with_fields(95), 101u);
  CAF_CHECK_EQUAL(with_fields(96), 431u);
  CAF_CHECK_EQUAL(with_fields(2000), 431u);
}

CAF_TEST(a_refused_upgrade_and_another_transfer_encoding_end_the_connection) {
  transport_server server;
  for (const auto& text :
       {upgrade("/nothing"),
        std::string("POST /chaos/kill HTTP/1.1\r\nHost: x\r\n"
                    "Transfer-Encoding: gzip\r\n\r\n")}) {
    tcp_client connection(server.port());
    connection.send(text + "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    CAF_CHECK_EQUAL(read_response(connection).status, 400u);
    connection.finish();
    CAF_CHECK(ended(connection));
    CAF_CHECK(connection.buffer().empty());
  }
}

CAF_TEST(a_request_for_another_host_is_421_on_every_path) {
  transport_options options;
  options.listener.hosts =
      transport::host_rules({"localhost", "status.example"});
  transport_server server(options);
  CAF_CHECK_EQUAL(asked(server, "GET", "/health").status, 200u);
  for (const auto* path :
       {"/health", "/metrics", "/chaos/actors", "/run:channel"}) {
    const auto text = "GET " + std::string(path) +
                      " HTTP/1.1\r\nHost: evil.test:9002\r\n"
                      "Origin: http://evil.test:9002\r\n" +
                      std::string(upgrade_headers) + "\r\n";
    CAF_CHECK_EQUAL(answer_to(server, text).status, 421u);
  }
  CAF_CHECK_EQUAL(
      answer_to(server, upgrade("http://status.example/run:channel")).status,
      101u);
  CAF_CHECK_EQUAL(
      answer_to(server, upgrade("http://evil.test/run:channel")).status, 421u);
  CAF_CHECK_EQUAL(
      answer_to(server, "GET /health HTTP/1.1\r\nHost:\r\n\r\n").status, 421u);
  // A probe of HTTP/1.0 names no host; no browser sends such a request.
  CAF_CHECK_EQUAL(answer_to(server, "GET /health HTTP/1.0\r\n\r\n").status,
                  200u);
}

CAF_TEST(behind_a_proxy_that_replaces_the_host_the_own_page_may_watch) {
  const std::string page =
      "Origin: https://site.example\r\nX-Forwarded-Host: site.example\r\n";
  transport_options options;
  options.listener.allowed_origins = transport::origin_rules({"other.example"});
  transport_server alone(options);
  CAF_CHECK_EQUAL(answer_to(alone, upgrade("/run:channel", page)).status, 403u);
  options.listener.trusted_proxies =
      transport::proxy_set({*transport::parse_network("127.0.0.1")});
  transport_server behind(options);
  CAF_CHECK_EQUAL(answer_to(behind, upgrade("/run:channel", page)).status,
                  101u);
}

CAF_TEST(behind_a_proxy_that_replaces_the_host_the_host_of_the_client_counts) {
  transport_options options;
  options.listener.hosts = transport::host_rules({"site.example"});
  const std::string ours = "X-Forwarded-Host: site.example\r\n";
  transport_server alone(options);
  CAF_CHECK_EQUAL(answer_to(alone, upgrade("/run:channel", ours)).status, 421u);
  options.listener.trusted_proxies =
      transport::proxy_set({*transport::parse_network("127.0.0.1")});
  transport_server behind(options);
  const auto status = [&](std::string_view headers) {
    return answer_to(behind, upgrade("/run:channel", headers)).status;
  };
  CAF_CHECK_EQUAL(status(ours), 101u);
  CAF_CHECK_EQUAL(status("Forwarded: for=192.0.2.1;host=site.example\r\n"),
                  101u);
  CAF_CHECK_EQUAL(asked(behind, "GET", "/health", ours).status, 200u);
  CAF_CHECK_EQUAL(status("X-Forwarded-Host: evil.test\r\n"), 421u);
  // Only the nearest proxy is believed.
  CAF_CHECK_EQUAL(status("X-Forwarded-Host: site.example, evil.test\r\n"),
                  421u);
  CAF_CHECK_EQUAL(status(""), 421u);
}

CAF_TEST(reserved_and_forbidden_channels_are_403) {
  transport_options options;
  options.listener.allowed_channels = {"run:*", "*:log"};
  transport_server server(options);
  for (const auto* path : {"/status2:canary", "/__sentinel__:hello",
                           "/%73tatus2:log", "/other:channel"})
    CAF_CHECK_EQUAL(answer_to(server, upgrade(path)).status, 403u);
  for (const auto* path : {"/run:channel", "/other:log"})
    CAF_CHECK_EQUAL(answer_to(server, upgrade(path)).status, 101u);
}

CAF_TEST(a_subprotocol_that_both_sides_know_is_answered) {
  transport_options options;
  options.listener.subprotocols = {"other.v3"};
  transport_server server(options);
  const auto chosen = [&](std::string_view offered) {
    const auto answer = answer_to(
        server, upgrade("/run:channel", "Sec-WebSocket-Protocol: " +
                                            std::string(offered) + "\r\n"));
    CAF_CHECK_EQUAL(answer.status, 101u);
    return answer.header("sec-websocket-protocol").value_or("none");
  };
  CAF_CHECK_EQUAL(chosen("status2.v1"), "status2.v1");
  CAF_CHECK_EQUAL(chosen("a, other.v3, status2.v1"), "other.v3");
  CAF_CHECK_EQUAL(chosen("a\r\nSec-WebSocket-Protocol: status2.v1"),
                  "status2.v1");
  CAF_CHECK_EQUAL(chosen("STATUS2.V1, unknown"), "none");
}

CAF_TEST(every_refusal_is_reported_with_its_request) {
  transport_server server;
  answer_to(server,
            upgrade("/nothing?secret=1", "Origin: https://page.example\r\n"));
  CAF_REQUIRE(eventually(patience, [&] { return !server.refusals().empty(); }));
  const auto refused = server.refusals()[0];
  CAF_CHECK(refused.why == transport::refusal::no_channel);
  CAF_CHECK_EQUAL(refused.origin, "https://page.example");
  CAF_CHECK_EQUAL(refused.path, "/nothing");
  CAF_CHECK(refused.remote.starts_with("127.0.0.1:"));
}

CAF_TEST(a_command_that_is_denied_awaits_no_body) {
  transport_server server;
  tcp_client connection(server.port());
  connection.send(
      "POST /chaos/kill HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n"
      "Content-Length: 4000\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(connection).status, 401u);
}

CAF_TEST(unfinished_requests_have_a_budget) {
  transport_options options;
  options.inbound_bytes = 100000;
  transport_server server(options);
  std::vector<tcp_client> hoarders;
  const auto large =
      "GET /run:channel HTTP/1.1\r\nX: " + std::string(7000, 'x');
  for (int i = 0; i < 50; ++i) {
    hoarders.emplace_back(server.port());
    hoarders.back().send(large);
  }
  const auto& counters = server.listener_counters();
  CAF_CHECK(eventually(
      patience, [&] { return counters.inbound_evictions.value() > 20; }));
  CAF_CHECK(counters.inbound_memory.value() <= 100000);
  CAF_CHECK(ended(hoarders.front()));
  CAF_CHECK_EQUAL(asked(server, "GET", "/health").status, 200u);
  hoarders.clear();
  CAF_CHECK(eventually(patience,
                       [&] { return counters.inbound_memory.value() == 0; }));
}

CAF_TEST(connections_in_every_phase_make_room_for_new_ones) {
  transport_options options;
  options.listener.most_requests = 2;
  transport_server server(options);
  // One withholds its body, one its end of stream after a refusal.
  tcp_client body(server.port());
  body.send(
      "POST /chaos/kill HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
  tcp_client refused(server.port());
  refused.send(upgrade("/nothing"));
  CAF_CHECK_EQUAL(read_response(refused).status, 400u);
  for (int i = 0; i < 4; ++i)
    CAF_CHECK_EQUAL(asked(server, "GET", "/health").status, 200u);
  CAF_CHECK(ended(body));
}

CAF_TEST(empty_lines_before_a_request_are_skipped) {
  transport_server server;
  tcp_client connection(server.port());
  connection.send("\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(connection).body, "OK");
  connection.send("\r");
  connection.send("\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(connection).body, "OK");
}
