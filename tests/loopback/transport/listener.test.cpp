// Requests as they arrive on a socket, and their answers.
#include "transport/listener.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/listener_requests.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <caf/test/unit_test.hpp>

#include <sys/resource.h>
#include <unistd.h>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;

namespace {

/// A masked text frame `{"type":"init"}`, mask 0.
const std::string init_frame =
    std::string("\x81\x8f\0\0\0\0", 6) + R"({"type":"init"})";

boost::system::error_code opened(const std::string& address,
                                 unsigned short* port = nullptr) {
  transport::io_loop loop(0);
  const auto listener = std::make_shared<transport::listener>(
      loop, transport::listener_settings{}, nullptr);
  const auto error = listener->open(address);
  if (port != nullptr) *port = listener->port();
  return error;
}

}  // namespace

CAF_TEST(a_header_may_come_byte_by_byte) {
  transport_server server;
  tcp_client connection(server.port());
  for (const char byte : upgrade("/run:channel"))
    connection.send({&byte, 1});
  CAF_CHECK_EQUAL(read_response(connection, false).status, 101u);
}

CAF_TEST(a_frame_in_the_segment_of_the_header_is_not_lost) {
  transport_options options;
  options.session.ping_interval = 1h;
  transport_server server(options);
  tcp_client connection(server.port());
  connection.send(upgrade("/run:channel") + init_frame + init_frame);
  CAF_CHECK_EQUAL(read_response(connection, false).status, 101u);
  CAF_CHECK(eventually(patience, [&] { return server.inits() == 2; }));
  const auto frames = transport::ping_frame()->bytes;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (connection.buffer().size() < 2 * frames.size() &&
         connection.receive(until)) {
  }
  CAF_CHECK_EQUAL(connection.buffer(), frames + frames);
}

CAF_TEST(channels_may_be_percent_encoded_and_below_the_prefix) {
  transport_options options;
  options.listener.path_prefix = "/weppcloud-microservices/status";
  transport_server server(options);
  viewer client(server.port(),
                "/weppcloud-microservices/status/a%3Bb:c%2Dd/?token=1");
  const auto channels = server.channels();
  CAF_REQUIRE_EQUAL(channels.size(), 1u);
  CAF_CHECK_EQUAL(channels[0].full, "a;b:c-d");
  CAF_CHECK_EQUAL(asked(server, "GET", "/a:b", upgrade_headers).status, 400u);
}

CAF_TEST(refusals_tell_why) {
  transport_options options;
  options.listener.allowed_origins = transport::origin_rules({"good.example"});
  transport_server server(options);
  const auto bad_path = asked(server, "GET", "/nothing", upgrade_headers);
  CAF_CHECK_EQUAL(bad_path.status, 400u);
  CAF_CHECK_EQUAL(bad_path.body, "the path is not <run>:<channel>\n");
  CAF_CHECK(bad_path.header("server") == "status2");
  const auto method = asked(server, "PUT", "/run:channel", upgrade_headers);
  CAF_CHECK_EQUAL(method.status, 405u);
  CAF_CHECK(method.header("allow") == "GET");
  const auto plain = asked(server, "GET", "/run:channel");
  CAF_CHECK_EQUAL(plain.status, 426u);
  CAF_CHECK(plain.header("upgrade") == "websocket");
  const auto origin =
      asked(server, "GET", "/run:channel",
            std::string(upgrade_headers) + "Origin: https://evil.example\r\n");
  CAF_CHECK_EQUAL(origin.status, 403u);
  CAF_CHECK_EQUAL(server.listener_counters().handshakes_refused.value(), 4);
}

CAF_TEST(another_websocket_version_or_no_key_is_refused) {
  transport_server server;
  constexpr std::string_view upgrade_to =
      "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  const auto old = asked(server, "GET", "/run:channel",
                         std::string(upgrade_to) +
                             "Sec-WebSocket-Version: 8\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  CAF_CHECK_EQUAL(old.status, 426u);
  CAF_CHECK(old.header("sec-websocket-version") == "13");
  const auto no_key =
      asked(server, "GET", "/run:channel",
            std::string(upgrade_to) + "Sec-WebSocket-Version: 13\r\n");
  CAF_CHECK_EQUAL(no_key.status, 400u);
}

CAF_TEST(too_many_connections_are_503_with_retry_after) {
  transport_options options;
  options.admission.connections = 1;
  transport_server server(options);
  {
    viewer first(server.port(), "run:channel");
    const auto second = asked(server, "GET", "/run:channel", upgrade_headers);
    CAF_CHECK_EQUAL(second.status, 503u);
    CAF_CHECK(second.header("retry-after"));
    CAF_CHECK_EQUAL(asked(server, "GET", "/health").status, 200u);
  }
  CAF_REQUIRE(eventually(patience, [&] { return server.sessions() == 0; }));
  viewer third(server.port(), "run:channel");
  CAF_CHECK_EQUAL(third.answer().status, 101u);
}

CAF_TEST(an_oversized_header_is_431) {
  transport_server server;
  const auto large = "X-Large: " + std::string(10000, 'x') + "\r\n";
  CAF_CHECK_EQUAL(answer_to(server, upgrade("/run:channel", large)).status,
                  431u);
  const auto fits = "X-Fits: " + std::string(7000, 'x') + "\r\n";
  viewer client(server.port(), "run:channel", {fits});
  CAF_CHECK_EQUAL(client.answer().status, 101u);
}

CAF_TEST(what_is_no_http_is_400) {
  transport_server server;
  CAF_CHECK_EQUAL(answer_to(server, "\x16\x03\x01\x02\r\n\r\n").status, 400u);
  CAF_CHECK_EQUAL(answer_to(server, "hello\r\n\r\n").status, 400u);
}

CAF_TEST(admin_paths_are_served_before_channels) {
  transport_options options;
  options.listener.path_prefix = "/p";
  transport_server server(options);
  const auto health = asked(server, "GET", "/health");
  CAF_CHECK_EQUAL(health.status, 200u);
  CAF_CHECK_EQUAL(health.body, "OK");
  CAF_CHECK_EQUAL(asked(server, "GET", "/p/health?x").body, "OK");
  const auto ready = asked(server, "GET", "/ready");
  CAF_CHECK_EQUAL(ready.status, 503u);
  CAF_CHECK(ready.header("content-type") == "application/json");
  CAF_CHECK_EQUAL(asked(server, "GET", "/metrics").status, 404u);
  const auto head = asked(server, "HEAD", "/health");
  CAF_CHECK_EQUAL(head.status, 200u);
  CAF_CHECK(head.header("content-length") == "2");
  const auto post = asked(server, "POST", "/health");
  CAF_CHECK_EQUAL(post.status, 405u);
  CAF_CHECK(post.header("allow") == "GET, HEAD");
  CAF_CHECK_EQUAL(server.sessions(), 0u);
}

CAF_TEST(a_connection_is_kept_for_more_requests) {
  transport_server server;
  tcp_client connection(server.port());
  const std::string get = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  connection.send(get + get);  // pipelined
  CAF_CHECK_EQUAL(read_response(connection).body, "OK");
  CAF_CHECK_EQUAL(read_response(connection).body, "OK");
  connection.send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(connection).status, 400u);
  connection.send("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(connection, false).status, 200u);
  connection.send(upgrade("/run:channel"));
  CAF_CHECK_EQUAL(read_response(connection, false).status, 101u);
}

CAF_TEST(http_1_0_and_connection_close_end_the_connection) {
  transport_server server;
  for (const auto* text : {"GET /health HTTP/1.0\r\n\r\n",
                           "GET /health HTTP/1.1\r\nHost: x\r\n"
                           "Connection: close\r\n\r\n"}) {
    tcp_client connection(server.port());
    connection.send(text);
    CAF_CHECK_EQUAL(read_response(connection).body, "OK");
    CAF_CHECK(ended(connection));
  }
}

CAF_TEST(a_request_with_a_body_is_answered_and_ends) {
  transport_server server;
  tcp_client connection(server.port());
  const std::string body(100000, 'b');
  connection.send("POST /run:channel HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body);
  CAF_CHECK_EQUAL(read_response(connection).status, 405u);
  connection.finish();
  CAF_CHECK(ended(connection));
}

CAF_TEST(a_header_that_does_not_come_in_time_closes_the_connection) {
  transport_options options;
  options.listener.handshake_timeout = 150ms;
  transport_server server(options);
  tcp_client silent(server.port());
  tcp_client slow(server.port());
  const auto start = std::chrono::steady_clock::now();
  // Trickling does not help: the whole header must be there in time.
  bool alive = true;
  for (const char byte : upgrade("/run:channel")) {
    slow.send({&byte, 1});
    slow.receive(std::chrono::steady_clock::now() + 10ms);
    alive = !slow.closed();
    if (!alive) break;
  }
  CAF_CHECK(!alive);
  CAF_CHECK(ended(silent));
  CAF_CHECK(std::chrono::steady_clock::now() - start >= 150ms);
  CAF_CHECK_EQUAL(server.listener_counters().handshake_timeouts.value(), 2);
}

CAF_TEST(an_idle_kept_connection_ends_without_being_counted_as_slow) {
  transport_options options;
  options.listener.keepalive_timeout = 100ms;
  transport_server server(options);
  tcp_client connection(server.port());
  connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(connection).body, "OK");
  CAF_CHECK(ended(connection));
  CAF_CHECK_EQUAL(server.listener_counters().handshake_timeouts.value(), 0);
}

CAF_TEST(a_kept_connection_may_wait_longer_than_a_request) {
  transport_options options;
  options.listener.handshake_timeout = 50ms;
  transport_server server(options);
  tcp_client connection(server.port());
  const std::string get = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  connection.send(get);
  CAF_CHECK_EQUAL(read_response(connection).body, "OK");
  // Longer than a request may take.
  CAF_CHECK(!connection.receive(std::chrono::steady_clock::now() + 200ms));
  CAF_CHECK(!connection.closed());
  connection.send(get);
  CAF_CHECK_EQUAL(read_response(connection).body, "OK");
  // A request that has begun must come in time.
  connection.send(get.substr(0, 10));
  CAF_CHECK(ended(connection));
  CAF_CHECK_EQUAL(server.listener_counters().handshake_timeouts.value(), 1);
}

CAF_TEST(a_session_outlives_the_handshake_timeout) {
  transport_options options;
  options.listener.handshake_timeout = 50ms;
  options.session.ping_interval = 20ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  for (int i = 0; i < 6; ++i)
    CAF_CHECK(client.next());
  CAF_CHECK(!client.connection().closed());
}

CAF_TEST(out_of_descriptors_clients_are_served_and_new_ones_come_later) {
  transport_server server;
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);
  ::close(next);
  const rlimit one_more{static_cast<rlim_t>(next) + 1, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &one_more);
  tcp_client waiting(server.port());  // the last descriptor
  const bool failed =
      eventually(patience, [&] { return server.accept_errors().size() >= 2; });
  server.publish("still here");
  const auto message = client.next_message();
  ::setrlimit(RLIMIT_NOFILE, &before);
  CAF_CHECK(failed);
  CAF_CHECK(server.accept_errors().front() ==
            boost::system::errc::too_many_files_open);
  CAF_CHECK_EQUAL(message, status_text("still here"));
  waiting.send(upgrade("/run:channel"));
  CAF_CHECK_EQUAL(read_response(waiting, false).status, 101u);
}

CAF_TEST(requests_without_end_make_room_for_new_ones_the_oldest_first) {
  transport_options options;
  options.listener.most_requests = 2;
  transport_server server(options);
  tcp_client oldest(server.port());
  oldest.send("GET /run:channel HTTP/1.1\r\n");
  tcp_client idle(server.port());
  idle.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(idle).body, "OK");
  // Three viewers, one after another: who is one is no request any more.
  viewer first(server.port(), "run:channel");
  CAF_CHECK(ended(oldest));
  viewer second(server.port(), "run:channel");
  viewer third(server.port(), "run:channel");
  CAF_CHECK(first.live() && second.live() && third.live());
  idle.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(idle).body, "OK");
  CAF_CHECK_EQUAL(server.listener_counters().requests_crowded_out.value(), 1);
}

CAF_TEST(where_all_requests_are_whole_the_next_connection_waits) {
  transport_options options;
  options.listener.most_requests = 1;
  options.listener.accept_rate = 2;
  transport_server server(options);
  viewer first(server.port(), "run:channel");
  tcp_client held_back(server.port());
  held_back.send(upgrade("/run:channel"));
  CAF_REQUIRE(eventually(patience, [&] {
    return server.listener_counters().handshakes_waiting.value() == 1;
  }));
  tcp_client next(server.port());
  next.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(held_back, false).status, 101u);
  CAF_CHECK_EQUAL(read_response(next).body, "OK");
  CAF_CHECK_EQUAL(server.listener_counters().requests_crowded_out.value(), 0);
}

CAF_TEST(a_stopped_listener_drops_half_read_requests_and_takes_no_more) {
  transport_server server;
  viewer client(server.port(), "run:channel");
  tcp_client half(server.port());
  half.send("GET /run:channel HTTP/1.1\r\n");
  CAF_REQUIRE(eventually(patience, [&] {
    return server.listener_counters().connections_accepted.value() == 2;
  }));
  const auto port = server.port();
  server.stop_listening();
  CAF_CHECK(ended(half));
  CAF_CHECK(client.live());
  bool refused = false;
  try {
    tcp_client late(port);
  } catch (const std::runtime_error&) {
    refused = true;
  }
  CAF_CHECK(refused);
}

CAF_TEST(a_command_answered_by_another_thread_is_forgotten_on_its_own) {
  // That it is shows under ThreadSanitizer: connections come and go meanwhile.
  transport_server server;
  for (int i = 0; i < 20; ++i) {
    const auto answer = asked(server, "POST", "/chaos/kill",
                              "Connection: close\r\nContent-Length: 0\r\n");
    CAF_CHECK_EQUAL(answer.status, 200u);
  }
}

CAF_TEST(addresses_of_all_kinds_open) {
  for (const auto* address : {":0", "127.0.0.1:0", "localhost:0"}) {
    unsigned short port = 0;
    CAF_CHECK(!opened(address, &port));
    CAF_CHECK(port != 0);
  }
}

CAF_TEST(a_name_is_listened_on_at_each_of_its_addresses) {
  using boost::asio::ip::tcp;
  transport_server server({.address = "localhost:0"});
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  std::size_t answered = 0;
  for (const auto& entry :
       resolver.resolve("localhost", std::to_string(server.port()))) {
    CAF_MESSAGE(entry.endpoint().address().to_string());
    tcp::socket client(context);
    client.connect(entry.endpoint());
    boost::asio::write(
        client, boost::asio::buffer(std::string("GET /health HTTP/1.1\r\n"
                                                "Host: localhost\r\n"
                                                "Connection: close\r\n\r\n")));
    std::string answer;
    boost::asio::read_until(client, boost::asio::dynamic_buffer(answer),
                            "\r\n");
    CAF_CHECK(answer.starts_with("HTTP/1.1 200"));
    ++answered;
  }
  CAF_CHECK(answered > 0);
}

CAF_TEST(a_name_whose_port_is_taken_at_one_address_is_an_error) {
  transport_server server;
  CAF_CHECK(opened("localhost:" + std::to_string(server.port())) ==
            boost::system::errc::address_in_use);
}

CAF_TEST(an_address_that_is_none_or_taken_is_an_error) {
  for (const auto* address : {"", "nonsense", "127.0.0.1:", "127.0.0.1:http",
                              "127.0.0.1:70000", ":-1"})
    CAF_CHECK(opened(address));
  transport_server server;
  CAF_CHECK(opened("127.0.0.1:" + std::to_string(server.port())) ==
            boost::system::errc::address_in_use);
}
