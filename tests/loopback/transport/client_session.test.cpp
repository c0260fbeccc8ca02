// What a client is sent, and how its session ends.
#include "transport/client_session.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"

#include <caf/test/unit_test.hpp>

#include <array>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using transport::close_reason;

namespace {

/// Whether the connection ends after what was read so far, with nothing more.
bool nothing_more(viewer& client) {
  while (client.connection().receive(std::chrono::steady_clock::now() +
                                     patience)) {
  }
  return client.connection().closed() && client.connection().buffer().empty();
}

transport_options without_heartbeat() {
  transport_options options;
  options.session.ping_interval = 1h;
  return options;
}

}  // namespace

CAF_TEST(the_answer_is_101_with_the_key_of_rfc_6455) {
  transport_server server;
  viewer client(server.port(), "run:channel",
                {"Sec-WebSocket-Protocol: chat\r\n"
                 "Sec-WebSocket-Extensions: permessage-deflate\r\n"});
  const auto& answer = client.answer();
  CAF_CHECK_EQUAL(answer.status, 101u);
  CAF_CHECK(answer.header("sec-websocket-accept") ==
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CAF_CHECK(answer.header("server") == "status2");
  CAF_CHECK(!answer.header("sec-websocket-extensions"));
  CAF_CHECK(!answer.header("sec-websocket-protocol"));
  CAF_CHECK(server.no_delay());
}

CAF_TEST(messages_come_in_order_and_whole) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  for (int i = 0; i < 10000; ++i)
    server.publish(std::to_string(i));
  int in_order = 0;
  while (in_order < 10000 &&
         client.next_message() == status_text(std::to_string(in_order)))
    ++in_order;
  CAF_CHECK_EQUAL(in_order, 10000);
  CAF_CHECK_EQUAL(server.session_counters().messages_forwarded.value(), 10000);
}

CAF_TEST(payloads_of_every_frame_length_arrive) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  for (const std::size_t frame : {125U, 126U, 65535U, 65536U, 1U << 20}) {
    const std::string payload(frame - 27, 'p');
    server.publish(payload);
    CAF_CHECK(client.next_message() == status_text(payload));
  }
}

CAF_TEST(init_is_answered_and_case_does_not_matter) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  client.send_text(R"({"type":"INIT","extra":1})");
  const auto frame = client.next();
  CAF_REQUIRE(frame);
  CAF_CHECK_EQUAL(frame->text, ping_text);
}

CAF_TEST(heartbeats_come_by_themselves) {
  transport_options options;
  options.session.ping_interval = 20ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  // The client is silent: each comes with a ping of the protocol.
  for (int i = 0; i < 5; ++i) {
    auto frame = client.next();
    CAF_REQUIRE(frame);
    CAF_CHECK_EQUAL(frame->text, ping_text);
    frame = client.next();
    CAF_REQUIRE(frame);
    CAF_CHECK(frame->what == server_frame::kind::ping);
    CAF_CHECK_EQUAL(frame->text, "");
  }
  CAF_CHECK(server.session_counters().pings_sent.value() >= 5);
}

CAF_TEST(a_client_that_only_answers_pings_of_the_protocol_stays) {
  transport_options options;
  options.session.ping_interval = 20ms;
  options.session.pong_timeout = 1s;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  // For longer than the timeout.
  std::size_t pings = 0;
  while (pings < 60) {
    const auto frame = client.next();
    CAF_REQUIRE(frame);
    CAF_REQUIRE(frame->what != server_frame::kind::close);
    if (frame->what != server_frame::kind::ping) continue;
    ++pings;
    client.send_frame(0x8a, "");
  }
}

CAF_TEST(a_client_that_answers_gets_no_pings_of_the_protocol) {
  transport_options options;
  options.session.ping_interval = 20ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  // An answer may be late now and then.
  int plain = 0;
  for (int i = 0; i < 1000 && plain < 5; ++i) {
    const auto frame = client.next();
    CAF_REQUIRE(frame);
    if (frame->what == server_frame::kind::ping) --plain;
    if (frame->what != server_frame::kind::text) continue;
    ++plain;
    client.send_text(R"({"type":"pong"})");
  }
  CAF_CHECK_EQUAL(plain, 5);
}

CAF_TEST(a_silent_client_is_closed_as_idle_with_1008) {
  transport_options options;
  options.session.ping_interval = 20ms;
  options.session.pong_timeout = 100ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_CHECK_EQUAL(client.close_code(), 1008);
  client.send_frame(0x88, "\x03\xf0");
  CAF_CHECK(nothing_more(client));
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::idle);
  CAF_CHECK_EQUAL(report.peer_code, 1008);
}

CAF_TEST(every_frame_keeps_a_client) {
  transport_options options;
  options.session.ping_interval = 20ms;
  options.session.pong_timeout = 400ms;
  transport_server server(options);
  const std::array<std::pair<std::uint8_t, std::string_view>, 5> frames{
      {{0x81, R"({"type":"pong"})"},
       {0x81, R"({"type":"other"})"},
       {0x82, "binary"},
       {0x89, "protocol ping"},
       {0x8a, "protocol pong"}}};
  std::vector<viewer> clients;
  for (std::size_t i = 0; i < frames.size(); ++i)
    clients.emplace_back(server.port(), "run:kept");
  viewer idle(server.port(), "run:idle");
  const auto until = std::chrono::steady_clock::now() + 1200ms;
  int code = 0;
  while (std::chrono::steady_clock::now() < until) {
    for (std::size_t i = 0; i < frames.size(); ++i)
      clients[i].send_frame(frames[i].first, frames[i].second);
    if (const auto frame = idle.next(20ms))
      if (frame->what == server_frame::kind::close) code = frame->code;
  }
  CAF_CHECK_EQUAL(code, 1008);
  for (auto& client : clients)
    CAF_CHECK(client.live());
}

CAF_TEST(shutdown_closes_with_1001_and_no_hangup) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  server.close_all(close_reason::shutdown);
  const auto frame = client.next();
  CAF_REQUIRE(frame);
  CAF_CHECK(frame->what == server_frame::kind::close);
  CAF_CHECK_EQUAL(frame->code, 1001);
}

CAF_TEST(hangup_comes_before_the_close_where_it_is_set) {
  auto options = without_heartbeat();
  options.session.hangup = true;
  const std::array<std::pair<close_reason, int>, 4> cases{{
      {close_reason::shutdown, 1000},
      {close_reason::idle, 1008},
      {close_reason::slow_consumer, 1008},
      {close_reason::internal_error, 1011},
  }};
  for (const auto& [reason, code] : cases) {
    transport_server server(options);
    viewer client(server.port(), "run:channel");
    CAF_REQUIRE(client.live());
    server.close_all(reason);
    auto frame = client.next();
    CAF_REQUIRE(frame);
    if (transport::describe(reason).hangup) {
      CAF_CHECK_EQUAL(frame->text, hangup_text);
      frame = client.next();
      CAF_REQUIRE(frame);
    }
    CAF_CHECK(frame->what == server_frame::kind::close);
    CAF_CHECK_EQUAL(frame->code, code);
  }
}

CAF_TEST(there_is_exactly_one_close_frame) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  // Both sides close at once, and the server tries again and again.
  server.on_sessions([] {});
  client.send_frame(0x88, "\x03\xe8");
  server.close_all(close_reason::shutdown);
  server.close_all(close_reason::idle);
  server.publish("too late");
  const auto frame = client.next();
  CAF_REQUIRE(frame);
  CAF_CHECK(frame->what == server_frame::kind::close);
  CAF_CHECK(nothing_more(client));
}

CAF_TEST(nothing_follows_our_close_frame) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  server.publish("before");
  server.close_all(close_reason::shutdown);
  server.publish("after");
  client.send_frame(0x89, "ping");
  client.init();
  client.send_frame(0x88, "\x03\xe9");
  CAF_CHECK_EQUAL(client.next_message(), status_text("before"));
  CAF_CHECK_EQUAL(client.close_code(), 1001);
  CAF_CHECK(nothing_more(client));
  const auto report = server.closed();
  CAF_CHECK_EQUAL(report.messages_sent, 1u);
  CAF_CHECK_EQUAL(report.messages_discarded, 1u);
}

CAF_TEST(a_client_that_does_not_answer_a_close_is_let_go_in_time) {
  auto options = without_heartbeat();
  options.session.close_timeout = 100ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  server.close_all(close_reason::shutdown);
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::shutdown);
  CAF_CHECK_EQUAL(report.peer_code, 0);
  CAF_CHECK_EQUAL(client.close_code(), 1001);
  CAF_CHECK(nothing_more(client));
}

CAF_TEST(a_close_of_the_client_is_answered_with_its_code) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  client.send_frame(0x88,
                    "\x0f\xa1"
                    "bye");  // 4001
  CAF_CHECK_EQUAL(client.close_code(), 4001);
  CAF_CHECK(nothing_more(client));
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::client_closed);
  CAF_CHECK_EQUAL(report.peer_code, 4001);
  CAF_CHECK(report.error.empty());
}

CAF_TEST(a_bug_in_a_handler_ends_its_session_and_names_its_cause) {
  transport_server server(without_heartbeat());
  viewer other(server.port(), "run:channel");
  CAF_REQUIRE(other.live());
  server.break_inits();
  viewer client(server.port(), "run:channel");
  client.send_text(R"({"type":"init"})");
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::internal_error);
  CAF_CHECK_EQUAL(report.error, "init broke");
  CAF_CHECK(nothing_more(client));
  server.publish("still here");
  CAF_CHECK_EQUAL(other.next_message(), status_text("still here"));
}

CAF_TEST(a_lost_connection_is_reported_once) {
  transport_server server(without_heartbeat());
  {
    viewer client(server.port(), "run:channel");
    CAF_REQUIRE(client.live());
    client.connection().reset();
  }
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::connection_lost);
  CAF_CHECK(!report.error.empty());
  server.on_sessions([] {});
  CAF_CHECK_EQUAL(server.reports().size(), 1u);
  CAF_CHECK_EQUAL(server.session_counters().connections_active.value(), 0);
}

CAF_TEST(a_client_that_only_ends_its_side_is_let_go) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  client.connection().finish();
  CAF_CHECK(server.closed().reason == close_reason::connection_lost);
  CAF_CHECK(nothing_more(client));
}

CAF_TEST(a_session_that_is_destroyed_closes_with_1011_and_no_event) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  server.drop_all();
  CAF_CHECK_EQUAL(client.close_code(), 1011);
  client.send_frame(0x88, "\x03\xf3");
  CAF_CHECK(nothing_more(client));
  CAF_CHECK(eventually(patience, [&] {
    return server.session_counters().connections_active.value() == 0;
  }));
  CAF_CHECK(server.reports().empty());
}
