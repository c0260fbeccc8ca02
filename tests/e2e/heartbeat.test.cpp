// Pings, the answer to init, the idle timer.
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::support;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

const environment impatient{{"STATUS_PING_INTERVAL", "50ms"},
                            {"STATUS_PONG_TIMEOUT", "400ms"}};

/// Says `text` every 100 ms until the server closes or `rounds` are over, and
/// returns the close code.
std::uint16_t keep_saying(viewer& viewer, std::string_view text, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    viewer.send_text(text);
    if (const auto code = viewer.close_code(100ms)) return code;
  }
  return 0;
}

}  // namespace

CAF_TEST(pings_come_at_the_interval_without_being_asked_for) {
  stage s(environment{{"STATUS_PING_INTERVAL", "200ms"}});
  auto viewer = s.view("run:pings");
  CAF_REQUIRE(viewer.next_ping());
  const auto start = steady_clock::now();
  for (int i = 0; i < 5; ++i)
    CAF_REQUIRE(viewer.next_ping());
  CAF_CHECK(steady_clock::now() - start > 800ms);
}

CAF_TEST(init_is_answered_with_a_ping_at_once) {
  stage s;
  auto viewer = s.view("run:init");
  for (int i = 0; i < 3; ++i) {
    viewer.init();
    const auto frame = viewer.next();
    CAF_REQUIRE(frame);
    CAF_CHECK_EQUAL(frame->text, R"({"type":"ping"})");
  }
}

CAF_TEST(the_type_is_read_without_regard_to_case_and_extra_fields) {
  stage s;
  auto viewer = s.view("run:case");
  for (auto* text :
       {R"({"type":"INIT"})", R"({"type":"Init","page":{"a":[1]}})",
        R"( { "id" : 7 , "type" : "iNiT" } )"}) {
    viewer.send_text(text);
    CAF_CHECK(viewer.next_ping());
  }
}

CAF_TEST(a_client_that_says_nothing_is_closed_with_1008) {
  stage s(impatient);
  auto viewer = s.view("run:idle");
  const auto start = steady_clock::now();
  CAF_CHECK_EQUAL(viewer.close_code(), 1008);
  CAF_CHECK(steady_clock::now() - start > 300ms);
  CAF_CHECK(s.broker.metric_becomes(
      R"(status2_sessions_closed_total{reason="idle"})", 1));
  CAF_CHECK(s.broker.logs("client closed by server"));
}

CAF_TEST(every_message_resets_the_idle_timer) {
  stage s(impatient);
  for (auto* text : {R"({"type":"pong"})", R"({"type":"init"})",
                     R"({"type":"hello"})", "no json"}) {
    auto viewer = s.view("run:kept");
    CAF_CHECK_EQUAL(keep_saying(viewer, text, 12), 0);
    CAF_CHECK_EQUAL(viewer.close_code(), 1008);
  }
}

CAF_TEST(nobody_is_idle_before_a_ping_was_sent) {
  // The first heartbeat comes at a random time within the interval.
  stage s(environment{{"STATUS_PING_INTERVAL", "1h"},
                      {"STATUS_PONG_TIMEOUT", "100ms"}});
  auto viewer = s.view("run:quiet");
  CAF_CHECK_EQUAL(viewer.close_code(1s), 0);
  CAF_CHECK(viewer.live());
}

CAF_TEST(hangup_precedes_the_idle_close_where_it_is_switched_on) {
  auto variables = impatient;
  variables["STATUS_HANGUP"] = "true";
  stage s(variables);
  auto viewer = s.view("run:hangup");
  auto frame = viewer.next();
  while (frame &&
         (frame->text == ping_text || frame->what == server_frame::kind::ping))
    frame = viewer.next();
  CAF_REQUIRE(frame);
  CAF_CHECK_EQUAL(frame->text, R"({"type":"hangup"})");
  frame = viewer.next();
  CAF_REQUIRE(frame);
  CAF_CHECK_EQUAL(frame->code, 1008);
}
