// A channel as an event stream: what a page or `curl -N` sees of it.
#include "tests/support/chaos_stage.hpp"
#include "tests/support/event_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <csignal>
#include <string>
#include <string_view>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Whether the replay ends next, behind nothing else.
bool resumes(event_source& page) {
  return has(page.next_message(), R"("type":"resumed")");
}

event_source watch(broker_process& broker, std::string_view headers = {}) {
  return {broker.port(), "/run:a", headers};
}

/// Comes back as EventSource does.
event_source come_back(broker_process& broker, const event_source& page) {
  return watch(broker, "Last-Event-ID: " + page.last_id() + "\r\n");
}

std::string payload_of(const std::string& event) {
  constexpr std::string_view field = R"("data":")";
  const auto at = event.find(field);
  if (at == std::string::npos) return event;
  const auto from = at + field.size();
  return event.substr(from, event.find('"', from) - from);
}

}  // namespace

CAF_TEST(a_stream_begins_with_an_id_and_every_message_has_one) {
  stage s;
  auto page = watch(s.broker);
  CAF_CHECK(resumes(page));
  auto before = page.last_id();
  CAF_CHECK(!before.empty());
  for (const auto* text : {"one", "two"}) {
    CAF_REQUIRE_EQUAL(s.redis.publish("run:a", text), 1);
    CAF_CHECK_EQUAL(payload_of(page.next_message()), text);
    CAF_CHECK(page.last_id() != before);
    before = page.last_id();
  }
  CAF_CHECK_EQUAL(s.broker.value("status2_event_streams_active"), 1.0);
}

CAF_TEST(a_stream_and_a_websocket_get_the_same_messages) {
  stage s;
  auto page = watch(s.broker);
  CAF_REQUIRE(resumes(page));
  auto viewer = s.view("/run:a?tail=0");
  CAF_REQUIRE(has(viewer.next_message(), "resumed"));
  for (int i = 0; i < 200; ++i)
    s.redis.publish("run:a", std::to_string(i));
  for (int i = 0; i < 200; ++i)
    CAF_REQUIRE_EQUAL(page.next_message(), viewer.next_message());
}

CAF_TEST(a_page_that_comes_back_gets_what_it_missed) {
  stage s(environment{{"STATUS_TAIL_LINGER", "1h"}});
  auto page = watch(s.broker);
  CAF_REQUIRE(resumes(page));
  auto other = watch(s.broker);
  CAF_REQUIRE(resumes(other));
  s.redis.publish("run:a", "one");
  CAF_CHECK_EQUAL(payload_of(page.next_message()), "one");
  page.connection().close();
  for (const auto* text : {"two", "three"})
    s.redis.publish("run:a", text);
  for (const auto* text : {"one", "two", "three"})
    CAF_REQUIRE_EQUAL(payload_of(other.next_message()), text);
  auto again = come_back(s.broker, page);
  CAF_CHECK_EQUAL(payload_of(again.next_message()), "two");
  CAF_CHECK_EQUAL(payload_of(again.next_message()), "three");
  const auto end = again.next_message();
  CAF_CHECK(has(end, R"("complete":true,"replayed":2)"));
}

CAF_TEST(an_address_may_ask_for_the_tail) {
  stage s(environment{{"STATUS_TAIL_LINGER", "1h"}});
  auto first = watch(s.broker);
  CAF_REQUIRE(resumes(first));
  for (const auto* text : {"one", "two", "three"}) {
    s.redis.publish("run:a", text);
    CAF_REQUIRE_EQUAL(payload_of(first.next_message()), text);
  }
  // Without the header, by the query alone, and by HTTP/1.0.
  tcp_client plain(s.broker.port());
  plain.send("GET /run:a?stream=sse&tail=2 HTTP/1.0\r\n\r\n");
  const auto answer = read_response(plain, false);
  CAF_CHECK_EQUAL(answer.status, 200u);
  CAF_CHECK(eventually(patience, [&] {
    plain.receive(std::chrono::steady_clock::now() + 20ms);
    return has(plain.buffer(), "\"resumed\"");
  }));
  CAF_CHECK(!has(plain.buffer(), "\"one\""));
  CAF_CHECK(has(plain.buffer(), "\"two\""));
  CAF_CHECK(has(plain.buffer(), "\"three\""));
}

CAF_TEST(a_lost_link_is_an_event_that_can_be_resumed_from) {
  stage s(environment{{"STATUS_TAIL_LINGER", "1h"}});
  auto page = watch(s.broker);
  CAF_REQUIRE(resumes(page));
  const auto before = page.last_id();
  s.redis.kill_pubsub_clients();
  CAF_CHECK(has(page.next_message(), R"("cause":"redis")"));
  CAF_CHECK(page.last_id() != before);
  auto again = come_back(s.broker, page);
  CAF_CHECK(has(again.next_message(), R"("complete":true)"));
}

CAF_TEST(a_stream_lives_without_a_memory) {
  stage s(environment{{"STATUS_TAIL_MESSAGES", "0"}});
  auto page = watch(s.broker);
  CAF_CHECK(resumes(page));
  s.redis.publish("run:a", "one");
  CAF_CHECK_EQUAL(payload_of(page.next_message()), "one");
}

CAF_TEST(a_channel_too_many_is_told_in_a_stream_that_ends) {
  stage s(environment{{"STATUS_MAX_CHANNELS", "1"}});
  auto page = watch(s.broker);
  CAF_REQUIRE(resumes(page));
  event_source other(s.broker.port(), "/run:b");
  CAF_CHECK_EQUAL(other.answer().status, 200u);
  CAF_CHECK(other.ended());
  CAF_CHECK(other.retry() >= 5000u);
  CAF_CHECK_EQUAL(
      s.broker.value("status2_requests_refused_total{reason=\"channels\"}"),
      1.0);
}

CAF_TEST(a_drain_ends_streams) {
  stage s(
      environment{{"STATUS_DRAIN_WINDOW", "0s"}, {"STATUS_HANGUP", "true"}});
  auto page = watch(s.broker);
  CAF_REQUIRE(resumes(page));
  s.broker.child().signal(SIGTERM);
  CAF_CHECK_EQUAL(page.next_message(), R"({"type":"hangup"})");
  CAF_CHECK(page.ended());
  page.connection().close();
  CAF_CHECK_EQUAL(s.broker.child().wait(patience).value_or(-1), 0);
}

CAF_TEST(a_killed_session_ends_its_stream_and_no_other) {
  chaos_stage s(environment{{"STATUS_TAIL_LINGER", "1h"}});
  auto page = watch(s.broker);
  CAF_REQUIRE(resumes(page));
  const auto sessions = s.actors("session:");
  CAF_REQUIRE_EQUAL(sessions.size(), 1u);
  auto other = watch(s.broker);
  CAF_REQUIRE(resumes(other));
  CAF_CHECK_EQUAL(s.kill(text_of(sessions.front(), "actor")), 200u);
  CAF_CHECK(page.ended());
  page.connection().close();
  s.redis.publish("run:a", "meanwhile");
  CAF_CHECK_EQUAL(payload_of(other.next_message()), "meanwhile");
  auto again = come_back(s.broker, page);
  CAF_CHECK_EQUAL(payload_of(again.next_message()), "meanwhile");
  CAF_CHECK(resumes(again));
  CAF_CHECK_EQUAL(s.imbalance(), "");
}
