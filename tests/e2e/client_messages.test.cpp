// What clients may send, and what the broker makes of it.
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

constexpr std::uint8_t text_frame = 0x81;
constexpr std::uint8_t binary_frame = 0x82;
constexpr std::uint8_t ping_frame = 0x89;

}  // namespace

CAF_TEST(what_is_not_understood_is_ignored) {
  stage s;
  auto viewer = s.view("run:ignored");
  for (auto* text :
       {R"({"type":"subscribe"})", R"({"type":7})", R"({"type":null})", "{}",
        R"({"data":"x"})", R"(["init"])", R"("init")", "init", "{", "", "null",
        R"({"type":"init")", R"({'type':'init'})"})
    viewer.send_text(text);
  viewer.send_frame(binary_frame, R"({"type":"init"})");
  viewer.send_frame(binary_frame, std::string("\x00\xff\xfe", 3));
  // None of them was answered: the one ping is that of the init after them.
  CAF_REQUIRE(viewer.live());
  s.redis.publish("run:ignored", "still here");
  const auto frame = viewer.next();
  CAF_REQUIRE(frame);
  CAF_CHECK_EQUAL(frame->text, status_text("still here"));
}

CAF_TEST(malformed_json_is_logged_at_a_bounded_rate) {
  stage s(environment{{"STATUS_CLIENT_MESSAGE_RATE", "0"}});
  auto viewer = s.view("run:noise");
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i)
    viewer.send_text("{\"type\":\"in");
  CAF_REQUIRE(viewer.live());
  CAF_CHECK(s.broker.metric_becomes("status2_malformed_messages_total", 500));
  CAF_REQUIRE(s.broker.logs("malformed client message"));
  const auto lines = s.broker.logged("malformed client message");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now() - start);
  CAF_CHECK(lines.size() <= static_cast<std::size_t>(seconds.count()) + 2);
  CAF_CHECK_EQUAL(text_of(lines[0], "level"), "WARN");
  CAF_CHECK_EQUAL(text_of(lines[0], "run_id"), "run");
  CAF_CHECK_EQUAL(text_of(lines[0], "channel"), "noise");
}

CAF_TEST(a_message_over_the_limit_closes_with_1009) {
  stage s(environment{{"STATUS_MAX_MESSAGE_SIZE", "1KB"}});
  const std::string start = R"({"type":"init","x":")";
  const std::string end = "\"}";
  auto fitting = s.view("run:size");
  fitting.send_text(start + std::string(1024 - start.size() - end.size(), 'x') +
                    end);
  CAF_CHECK(fitting.next_ping());
  auto larger = s.view("run:size");
  larger.send_text(start + std::string(1025 - start.size() - end.size(), 'x') +
                   end);
  CAF_CHECK_EQUAL(larger.close_code(), 1009);
  CAF_CHECK(larger.ended());
  CAF_CHECK(fitting.live());
}

CAF_TEST(protocol_pings_are_answered_with_their_payload) {
  stage s;
  auto viewer = s.view("run:protocol");
  for (const auto& payload : {std::string{}, std::string(125, 'p')}) {
    viewer.send_frame(ping_frame, payload);
    const auto frame = viewer.next();
    CAF_REQUIRE(frame);
    CAF_CHECK(frame->what == server_frame::kind::pong);
    CAF_CHECK_EQUAL(frame->text, payload);
  }
}

CAF_TEST(pongs_never_land_inside_a_message) {
  stage s(environment{{"STATUS_OUTBOX_BYTES", "64MB"},
                      {"STATUS_WRITE_TIMEOUT", "1m"}});
  auto viewer = s.view("run:mixed");
  CAF_REQUIRE(viewer.live());
  const std::string payload(200000, 'm');
  constexpr int rounds = 40;
  for (int i = 0; i < rounds; ++i) {
    s.redis.publish("run:mixed", payload);
    viewer.send_frame(ping_frame, "p");
  }
  int pongs = 0;
  int messages = 0;
  while (pongs + messages < 2 * rounds) {
    const auto frame = viewer.next();
    CAF_REQUIRE(frame);
    if (frame->what == server_frame::kind::pong) {
      ++pongs;
    } else if (frame->text == status_text(payload)) {
      ++messages;
    } else {
      CAF_FAIL("neither the pong nor the message");
    }
  }
  CAF_CHECK_EQUAL(pongs, rounds);
  CAF_CHECK_EQUAL(messages, rounds);
}

CAF_TEST(a_close_is_answered_and_counted_as_the_clients) {
  stage s;
  auto viewer = s.view("run:leaving");
  CAF_REQUIRE(viewer.live());
  viewer.send_frame(0x88, std::string("\x03\xe8", 2));
  CAF_CHECK_EQUAL(viewer.close_code(), 1000);
  CAF_CHECK(viewer.ended());
  CAF_CHECK(s.broker.metric_becomes(
      R"(status2_sessions_closed_total{reason="client_closed"})", 1));
}

CAF_TEST(broken_frames_close_with_1002_and_bad_text_with_1007) {
  stage s;
  auto reserved = s.view("run:broken");
  reserved.send_frame(text_frame | 0x40, "x");
  CAF_CHECK_EQUAL(reserved.close_code(), 1002);
  auto bad_text = s.view("run:broken");
  bad_text.send_frame(text_frame, "\xff\xff");
  CAF_CHECK_EQUAL(bad_text.close_code(), 1007);
}

CAF_TEST(a_reset_connection_ends_its_session_only) {
  stage s;
  auto stays = s.view("run:reset");
  auto goes = s.view("run:reset");
  CAF_REQUIRE(stays.live());
  CAF_REQUIRE(goes.live());
  goes.connection().reset();
  CAF_CHECK(s.broker.metric_becomes("status2_connections_active", 1));
  s.redis.publish("run:reset", "for one");
  CAF_CHECK_EQUAL(stays.next_message(), status_text("for one"));
}
