// Connections that begin with a PROXY header, or should.
#include "tests/support/eventually.hpp"
#include "tests/support/listener_requests.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/transport_server.hpp"
#include "transport/proxy_header.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

const std::string health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string named = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 9002\r\n";
// 192.0.2.9, port 258
const std::string named_v2 =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\x0a\0\0\x01\x01\x02#*"s;
const std::string local(transport::local_proxy_header());

transport_options behind(const std::string& proxy) {
  transport_options options;
  options.listener.proxy_protocol = true;
  if (const auto network = transport::parse_network(proxy))
    options.listener.trusted_proxies = transport::proxy_set({*network});
  return options;
}

}  // namespace

CAF_TEST(the_client_is_the_one_that_the_header_names) {
  transport_server server(behind("127.0.0.1"));
  CAF_CHECK_EQUAL(answer_to(server, named + upgrade("/run:channel")).status,
                  101u);
  CAF_CHECK_EQUAL(answer_to(server, named_v2 + upgrade("/run:channel")).status,
                  101u);
  const std::vector<std::string> remotes{"192.0.2.7:4711", "192.0.2.9:258"};
  CAF_CHECK_EQUAL(server.remotes(), remotes);
}

CAF_TEST(a_header_may_come_byte_by_byte_and_with_the_request) {
  for (const auto& header : {named, named_v2}) {
    transport_server server(behind("127.0.0.1"));
    tcp_client connection(server.port());
    for (const char byte : header + health)
      connection.send({&byte, 1});
    CAF_CHECK_EQUAL(read_response(connection).body, "OK");
    // One header a connection, not a request.
    connection.send(health);
    CAF_CHECK_EQUAL(read_response(connection).body, "OK");
    connection.send(header + health);
    CAF_CHECK_EQUAL(read_response(connection).status, 400u);
  }
}

CAF_TEST(limits_count_the_address_of_the_header) {
  auto options = behind("127.0.0.1");
  options.admission.connections_per_address = 1;
  transport_server server(options);
  tcp_client first(server.port());
  first.send(named + upgrade("/run:channel"));
  CAF_CHECK_EQUAL(read_response(first).status, 101u);
  CAF_CHECK_EQUAL(answer_to(server, named + upgrade("/run:channel")).status,
                  503u);
  CAF_CHECK_EQUAL(answer_to(server, named_v2 + upgrade("/run:channel")).status,
                  101u);
}

CAF_TEST(forwarded_addresses_count_if_the_named_client_is_a_proxy_too) {
  const auto request =
      upgrade("/run:channel", "X-Forwarded-For: 198.51.100.1\r\n");
  transport_server server(behind("127.0.0.1"));
  CAF_CHECK_EQUAL(answer_to(server, named + request).status, 101u);
  server.trust(transport::proxy_set({*transport::parse_network("127.0.0.1"),
                                     *transport::parse_network("192.0.2.7")}));
  CAF_CHECK_EQUAL(answer_to(server, named + request).status, 101u);
  // A proxy that does not name its client cannot vouch for its words.
  CAF_CHECK_EQUAL(answer_to(server, "PROXY UNKNOWN\r\n" + request).status,
                  101u);
  const auto remotes = server.remotes();
  CAF_REQUIRE_EQUAL(remotes.size(), 3u);
  CAF_CHECK_EQUAL(remotes[0], "192.0.2.7:4711");
  CAF_CHECK_EQUAL(remotes[1], "198.51.100.1");
  CAF_CHECK(remotes[2].starts_with("127.0.0.1:"));
}

CAF_TEST(without_a_sound_header_nothing_is_served) {
  transport_server server(behind("127.0.0.1"));
  std::size_t refused = 0;
  for (const auto& bytes :
       {health, upgrade("/run:channel"), "PROXY TCP4 nonsense\r\n" + health,
        "PROXY TCP4 192.0.2.7 10.0.0.1 4711 9002\n" + health,
        named_v2.substr(0, 13) + "\x77" + named_v2.substr(14) + health,
        std::string(named_v2.substr(0, 12)) + "\x31" + health,
        // 16 + 65,535 bytes are more than a header may have.
        named_v2.substr(0, 14) + "\xff\xff" + health}) {
    tcp_client connection(server.port());
    connection.send(bytes);
    const auto answer = read_response(connection);
    CAF_CHECK_EQUAL(answer.status, 400u);
    CAF_CHECK_EQUAL(answer.body,
                    "the connection must begin with a PROXY header\n");
    connection.finish();
    CAF_CHECK(ended(connection));
    ++refused;
  }
  CAF_REQUIRE(eventually(patience,
                         [&] { return server.refusals().size() == refused; }));
  for (const auto& record : server.refusals()) {
    CAF_CHECK(record.why == transport::refusal::proxy_header);
    CAF_CHECK(record.remote.starts_with("127.0.0.1:"));
  }
  CAF_CHECK_EQUAL(server.sessions(), 0u);
}

CAF_TEST(a_peer_that_is_not_trusted_is_refused_whatever_it_says) {
  transport_server server(behind("10.0.0.1"));
  for (const auto& bytes : {named + health, named_v2 + health}) {
    const auto answer = answer_to(server, bytes);
    CAF_CHECK_EQUAL(answer.status, 403u);
    CAF_CHECK_EQUAL(answer.body,
                    "connections must come from a trusted proxy\n");
  }
  CAF_REQUIRE(
      eventually(patience, [&] { return server.refusals().size() == 2; }));
  CAF_CHECK(server.refusals()[0].why == transport::refusal::proxy_peer);
  // The name of the proxy is found later.
  server.trust(transport::proxy_set({*transport::parse_network("127.0.0.1")}));
  CAF_CHECK_EQUAL(answer_to(server, named + health).status, 200u);
}

CAF_TEST(a_proxy_and_this_machine_may_speak_for_themselves) {
  transport_server server(behind("127.0.0.1"));
  CAF_CHECK_EQUAL(answer_to(server, local + health).body, "OK");
  transport_server strict(behind("10.0.0.1"));
  CAF_CHECK_EQUAL(answer_to(strict, local + health).body, "OK");
  CAF_CHECK_EQUAL(answer_to(strict, health).status, 400u);
}

CAF_TEST(a_peer_at_a_unix_socket_is_trusted_by_name) {
  const temporary_directory folder;
  const auto path = folder.path() + "/status2.sock";
  auto options = behind("127.0.0.1");
  options.more_addresses = {"unix:" + path};
  transport_server server(options);
  const auto status = [&](const std::string& bytes) {
    tcp_client connection(path);
    connection.send(bytes);
    return read_response(connection).status;
  };
  CAF_CHECK_EQUAL(status(named + health), 403u);
  CAF_CHECK_EQUAL(status(local + health), 200u);
  server.trust(transport::proxy_set({}, true));
  CAF_CHECK_EQUAL(status(named + upgrade("/run:channel")), 101u);
  CAF_CHECK_EQUAL(server.remotes(), std::vector<std::string>{"192.0.2.7:4711"});
}

CAF_TEST(a_header_that_does_not_come_in_time_closes_the_connection) {
  auto options = behind("127.0.0.1");
  options.listener.handshake_timeout = 150ms;
  transport_server server(options);
  tcp_client silent(server.port());
  tcp_client half(server.port());
  half.send(named_v2.substr(0, 20));
  // The request has what the header left of the time, not a time of its own.
  tcp_client slow(server.port());
  slow.send(named + health.substr(0, 10));
  for (auto* connection : {&silent, &half, &slow})
    CAF_CHECK(ended(*connection));
  CAF_CHECK_EQUAL(server.listener_counters().handshake_timeouts.value(), 3);
}

CAF_TEST(the_bytes_of_the_header_count_against_the_limit_of_the_request) {
  auto options = behind("127.0.0.1");
  options.listener.max_header_size = 1000;
  transport_server server(options);
  const auto padded = [](std::size_t bytes) {
    auto header = named_v2;
    const auto length = bytes - 16;
    header[14] = static_cast<char>(length >> 8U);
    header[15] = static_cast<char>(length & 0xffU);
    const auto value = bytes - header.size() - 3;
    header += "\x04"s + static_cast<char>(value >> 8U) +
              static_cast<char>(value & 0xffU) + std::string(value, 'n');
    return header;
  };
  const auto request =
      "GET /health HTTP/1.1\r\nHost: x\r\nX: " + std::string(400, 'x') +
      "\r\n\r\n";
  CAF_CHECK_EQUAL(answer_to(server, padded(100) + request).status, 200u);
  CAF_CHECK_EQUAL(answer_to(server, padded(900) + request).status, 431u);
  CAF_CHECK_EQUAL(answer_to(server, padded(1001) + request).status, 400u);
}
