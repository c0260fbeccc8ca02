// What the client of an event stream is sent, and how its session ends.
#include "tests/support/event_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"
#include "transport/encoder.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using transport::close_reason;

namespace {

constexpr std::string_view ping = R"({"type":"ping"})";
constexpr std::string_view hangup = R"({"type":"hangup"})";

transport_options without_heartbeat() {
  transport_options options;
  options.session.event_ping_interval = 1h;
  return options;
}

transport::frame_ptr event(std::uint64_t number, std::string_view payload) {
  auto block = std::make_shared<transport::frame_block>();
  block->kind = transport::encoding::event_stream;
  transport::append_message(*block, {"abc-1", number}, payload);
  return block;
}

/// A client with its head read, whose session has begun.
struct streaming {
  explicit streaming(transport_options options = without_heartbeat())
      : server(std::move(options)), client(server.port(), "/run:channel") {
    CAF_REQUIRE(eventually(patience, [&] { return server.sessions() == 1; }));
  }
  transport_server server;
  event_source client;
};

}  // namespace

CAF_TEST(the_answer_is_a_stream_that_nobody_keeps_or_collects) {
  streaming s;
  const auto& answer = s.client.answer();
  CAF_CHECK_EQUAL(answer.status, 200u);
  CAF_CHECK(answer.header("content-type") == "text/event-stream");
  CAF_CHECK(answer.header("cache-control") == "no-store");
  CAF_CHECK(answer.header("x-accel-buffering") == "no");
  CAF_CHECK(answer.header("connection") == "close");
  CAF_CHECK(answer.header("date"));
  CAF_CHECK(!answer.header("content-length"));
  CAF_CHECK(!answer.header("transfer-encoding"));
  CAF_CHECK(!answer.header("access-control-allow-origin"));
  s.server.deliver(event(1, "one"));
  CAF_REQUIRE(s.client.next());
  CAF_CHECK(s.client.retry() >= 1000u);
  CAF_CHECK(s.client.retry() <= 5000u);
}

CAF_TEST(a_page_of_an_allowed_origin_may_read_it) {
  transport_server server(without_heartbeat());
  event_source client(server.port(), "/run:channel",
                      "Origin: https://page.example\r\n");
  CAF_CHECK_EQUAL(client.answer().status, 200u);
  CAF_CHECK(client.answer().header("access-control-allow-origin") ==
            "https://page.example");
}

CAF_TEST(events_come_in_order_with_their_ids) {
  streaming s;
  constexpr std::uint64_t count = 1000;
  for (std::uint64_t i = 1; i <= count; ++i)
    s.server.deliver(event(i, std::to_string(i)));
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto got = s.client.next();
    CAF_REQUIRE(got);
    const auto id = "abc-1." + std::to_string(i);
    CAF_REQUIRE_EQUAL(got->last_id, id);
    CAF_REQUIRE_EQUAL(got->data, R"({"type":"status","id":")" + id +
                                     R"(","data":")" + std::to_string(i) +
                                     R"("})");
  }
  CAF_CHECK_EQUAL(s.server.session_counters().messages_forwarded.value(),
                  static_cast<std::int64_t>(count));
}

CAF_TEST(heartbeats_come_and_need_no_answer) {
  transport_options options;
  options.session.event_ping_interval = 20ms;
  options.session.pong_timeout = 40ms;
  streaming s(options);
  for (int i = 0; i < 10; ++i) {
    const auto got = s.client.next();
    CAF_REQUIRE(got);
    CAF_CHECK_EQUAL(got->data, ping);
  }
  CAF_CHECK(s.server.reports().empty());
}

CAF_TEST(a_shutdown_ends_the_stream_and_nothing_follows) {
  streaming s;
  s.server.deliver(event(1, "one"));
  s.server.close_all(close_reason::shutdown);
  s.server.deliver(event(2, "two"));
  CAF_CHECK(s.client.next_message().find("one") != std::string::npos);
  CAF_CHECK(!s.client.next());
  CAF_CHECK(s.client.connection().closed());
  s.client.connection().close();
  const auto report = s.server.closed();
  CAF_CHECK(report.reason == close_reason::shutdown);
  CAF_CHECK_EQUAL(report.messages_sent, 1u);
  CAF_CHECK_EQUAL(report.messages_discarded, 1u);
}

CAF_TEST(a_hangup_is_the_last_event_where_it_is_set) {
  auto options = without_heartbeat();
  options.session.hangup = true;
  streaming s(options);
  s.server.close_all(close_reason::shutdown);
  CAF_CHECK_EQUAL(s.client.next_message(), hangup);
  CAF_CHECK(s.client.ended());
}

CAF_TEST(a_client_that_keeps_the_ended_stream_open_is_let_go_in_time) {
  auto options = without_heartbeat();
  options.session.close_timeout = 100ms;
  streaming s(options);
  s.server.close_all(close_reason::shutdown);
  CAF_CHECK(s.server.closed().reason == close_reason::shutdown);
}

CAF_TEST(a_client_that_goes_has_closed_it) {
  streaming s;
  CAF_CHECK_EQUAL(s.server.session_counters().event_streams_active.value(), 1);
  s.client.connection().close();
  const auto report = s.server.closed();
  CAF_CHECK(report.reason == close_reason::client_closed);
  CAF_CHECK(report.error.empty());
  CAF_CHECK_EQUAL(s.server.session_counters().event_streams_active.value(), 0);
  CAF_CHECK_EQUAL(s.server.session_counters().connections_active.value(), 0);
}

CAF_TEST(a_connection_that_breaks_is_lost) {
  streaming s;
  s.client.connection().reset();
  CAF_CHECK(s.server.closed().reason == close_reason::connection_lost);
}

CAF_TEST(what_the_client_sends_is_dropped_as_long_as_it_is_little) {
  auto options = without_heartbeat();
  options.session.message_rate = 1;
  options.session.message_burst = 10;
  streaming s(options);
  s.client.connection().send("GET /run:other HTTP/1.1\r\n\r\n");
  s.server.deliver(event(1, "one"));
  CAF_CHECK(s.client.next_message().find("one") != std::string::npos);
  const std::string much(65536, 'x');
  while (s.server.reports().empty() && !s.client.connection().closed()) {
    s.client.connection().send(much);
    s.client.connection().receive(std::chrono::steady_clock::now() + 10ms);
  }
  CAF_CHECK(s.server.closed().reason == close_reason::message_rate);
}

CAF_TEST(a_session_that_is_destroyed_ends_its_stream) {
  streaming s;
  s.server.drop_all();
  CAF_CHECK(s.client.ended());
  s.client.connection().close();
  CAF_CHECK(eventually(patience, [&] {
    return s.server.session_counters().connections_active.value() == 0;
  }));
}

CAF_TEST(a_client_that_does_not_read_is_closed_between_two_events) {
  auto options = without_heartbeat();
  options.session.outbox_limit = 65536;
  transport_server server(options);
  event_source slow(server.port(), "/run:channel", {}, 65536);
  CAF_REQUIRE(eventually(patience, [&] { return server.sessions() == 1; }));
  const std::string payload(1000, 'p');
  std::uint64_t number = 0;
  while (number < 100000 &&
         server.session_counters()
                 .sessions_closed[static_cast<std::size_t>(
                     close_reason::slow_consumer)]
                 .value() == 0 &&
         server.session_counters().write_errors.value() == 0)
    server.deliver(event(++number, payload));
  std::uint64_t got = 0;
  while (const auto one = slow.next()) {
    ++got;
    CAF_REQUIRE_EQUAL(one->last_id, "abc-1." + std::to_string(got));
    CAF_REQUIRE(one->data.ends_with("p\"}"));
  }
  CAF_CHECK(slow.connection().closed());
  slow.connection().close();
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::slow_consumer);
  CAF_CHECK_EQUAL(report.messages_sent, got);
  CAF_CHECK_EQUAL(report.messages_sent + report.messages_discarded, number);
}

CAF_TEST(a_limit_is_told_in_a_stream_that_ends) {
  auto options = without_heartbeat();
  options.admission.connections = 1;
  transport_server server(options);
  event_source first(server.port(), "/run:channel");
  CAF_CHECK_EQUAL(first.answer().status, 200u);
  event_source second(server.port(), "/run:channel",
                      "Origin: https://page.example\r\n");
  CAF_CHECK_EQUAL(second.answer().status, 200u);
  CAF_CHECK(second.answer().header("content-type") == "text/event-stream");
  CAF_CHECK(second.answer().header("access-control-allow-origin") ==
            "https://page.example");
  CAF_CHECK(!second.next(100ms));
  CAF_CHECK(second.retry() >= 5000u);
  CAF_CHECK_EQUAL(server.refusals().size(), 1u);
  // A WebSocket is told by the status.
  CAF_CHECK_EQUAL(request(server.port(), "GET", "/run:channel",
                          "Connection: upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                      .status,
                  503u);
}
