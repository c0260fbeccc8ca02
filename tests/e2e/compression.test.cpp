// STATUS_COMPRESSION: what viewers with and without compression see of it.
#include "tests/support/deflate_reference.hpp"
#include "tests/support/event_source.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <string_view>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

environment compressing(environment more = {}) {
  more["STATUS_COMPRESSION"] = "true";
  return more;
}

viewer_options offering() {
  return {.headers = std::string(deflate_offer)};
}

std::string long_payload(int i) {
  std::string text;
  while (text.size() < 400)
    text += "step " + std::to_string(i) + " of many; ";
  return text;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

CAF_TEST(viewers_with_and_without_compression_see_the_same) {
  stage s(compressing());
  auto compressed = s.broker.view("run:a", offering());
  auto plain = s.view("run:a");
  CAF_CHECK(compressed.answer().header("sec-websocket-extensions"));
  CAF_CHECK(!plain.answer().header("sec-websocket-extensions"));
  CAF_REQUIRE(compressed.live());
  CAF_REQUIRE(plain.live());
  for (int i = 0; i < 100; ++i) {
    const auto payload = i % 3 == 0 ? std::to_string(i) : long_payload(i);
    s.redis.publish("run:a", payload);
    const auto one = compressed.next();
    const auto two = plain.next();
    CAF_REQUIRE(one && two);
    CAF_REQUIRE_EQUAL(two->text, status_text(payload));
    CAF_REQUIRE_EQUAL(one->text, two->text);
    CAF_CHECK_EQUAL(one->compressed, i % 3 != 0);
    CAF_CHECK(!two->compressed);
  }
  CAF_CHECK_EQUAL(s.broker.value("status2_connections_compressed"), 1.0);
  const auto before = s.broker.value("status2_deflate_input_bytes_total");
  const auto after = s.broker.value("status2_deflate_output_bytes_total");
  CAF_CHECK(before > 66 * 400);
  CAF_CHECK(after > 0 && after < before / 3);
}

CAF_TEST(without_the_setting_nothing_is_compressed) {
  stage s;
  auto viewer = s.broker.view("run:a", offering());
  CAF_CHECK(!viewer.answer().header("sec-websocket-extensions"));
  CAF_REQUIRE(viewer.live());
  s.redis.publish("run:a", long_payload(1));
  const auto frame = viewer.next();
  CAF_REQUIRE(frame);
  CAF_CHECK(!frame->compressed);
  CAF_CHECK_EQUAL(frame->text, status_text(long_payload(1)));
}

CAF_TEST(a_replay_and_its_live_messages_are_joined) {
  stage s(compressing({{"STATUS_TAIL_LINGER", "1h"}}));
  auto first = s.broker.view("/run:a?tail=0", offering());
  CAF_REQUIRE(has(first.next_message(), "resumed"));
  for (int i = 0; i < 20; ++i)
    s.redis.publish("run:a", long_payload(i));
  std::vector<std::string> live;
  for (int i = 0; i < 20; ++i) {
    const auto frame = first.next();
    CAF_REQUIRE(frame);
    CAF_CHECK(frame->compressed);
    live.push_back(frame->text);
  }
  auto second = s.broker.view("/run:a?tail=20", offering());
  event_source page(s.broker.port(), "/run:a?tail=20");
  for (int i = 0; i < 20; ++i) {
    CAF_REQUIRE_EQUAL(second.next_message(), live[static_cast<std::size_t>(i)]);
    CAF_REQUIRE_EQUAL(page.next_message(), live[static_cast<std::size_t>(i)]);
  }
  CAF_CHECK(has(second.next_message(), R"("complete":true,"replayed":20)"));
  s.redis.publish("run:a", long_payload(20));
  const auto frame = second.next();
  CAF_REQUIRE(frame);
  CAF_CHECK(frame->compressed);
  CAF_CHECK_EQUAL(frame->text, first.next_message());
}

CAF_TEST(a_gap_comes_in_order_with_compressed_messages) {
  stage s(compressing());
  auto viewer = s.broker.view("/run:a?gap=1", offering());
  CAF_REQUIRE(viewer.live());
  s.redis.publish("run:a", long_payload(1));
  CAF_CHECK_EQUAL(viewer.next_message(), status_text(long_payload(1)));
  s.redis.kill_pubsub_clients();
  const auto gap = viewer.next();
  CAF_REQUIRE(gap);
  CAF_CHECK(has(gap->text, R"("cause":"redis")"));
  CAF_CHECK(!gap->compressed);
  CAF_REQUIRE(viewer.live());
  s.redis.publish("run:a", long_payload(2));
  CAF_CHECK_EQUAL(viewer.next_message(), status_text(long_payload(2)));
}

CAF_TEST(large_messages_are_compressed_in_order_with_small_ones) {
  stage s(compressing());
  auto compressed = s.broker.view("run:a", offering());
  auto plain = s.view("run:a");
  CAF_REQUIRE(compressed.live());
  CAF_REQUIRE(plain.live());
  for (const std::size_t size : {10U, 70000U, 300U, 2000000U, 20U}) {
    const std::string payload(size, 'x');
    s.redis.publish("run:a", payload);
  }
  for (const std::size_t size : {10U, 70000U, 300U, 2000000U, 20U}) {
    CAF_CHECK(compressed.next_message() == status_text(std::string(size, 'x')));
    CAF_CHECK(plain.next_message() == status_text(std::string(size, 'x')));
  }
  CAF_CHECK(s.broker.metric_becomes("status2_conservation_imbalance", 0));
}

CAF_TEST(clients_may_compress_what_they_send) {
  stage s(compressing());
  auto viewer = s.broker.view("run:a", offering());
  viewer.send_frame(0xc1, deflated(R"({"type":"init"})"));
  CAF_CHECK(viewer.next_ping());
  viewer.send_frame(0xc1, deflated(std::string(10000000, ' '), 9));
  CAF_CHECK_EQUAL(viewer.close_code(), 1009);
}
