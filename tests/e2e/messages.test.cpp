// From a PUBLISH to the browser: what arrives, and in which order.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace status2::support;

namespace {

const std::string replacement = "\xef\xbf\xbd";  // U+FFFD

struct payload_case {
  std::string payload;
  std::string data;  ///< what the browser reads
};

payload_case unchanged(const std::string& payload) {
  return {payload, payload};
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i)
    result += text;
  return result;
}

std::vector<payload_case> valid_payloads() {
  std::vector<payload_case> cases{
      unchanged(""),
      unchanged("plain"),
      unchanged(R"("quoted" \backslash\ /slash/)"),
      unchanged(R"({"type":"status","data":"nested"})"),
      unchanged("caf\u00e9"),
      unchanged("\u20ac 12,50"),
      unchanged("\U0001f30d\U0010ffff"),
      unchanged("\u2028\u2029\ufeff\ufffd"),
      unchanged("<script>&amp;</script>"),
  };
  for (int byte = 0; byte < 0x80; ++byte)
    cases.push_back(unchanged(std::string(1, static_cast<char>(byte))));
  // Both ends of each length of UTF-8.
  for (const char* text :
       {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    cases.push_back(unchanged(text));
  return cases;
}

/// Each byte that is no UTF-8 becomes one U+FFFD; its neighbours stay.
std::vector<payload_case> invalid_payloads() {
  std::vector<payload_case> cases;
  for (const char* bytes :
       {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe",
        "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x8c"}) {
    const std::string text(bytes);
    cases.push_back(
        {"a" + text + "z", "a" + repeated(replacement, text.size()) + "z"});
    cases.push_back({text, repeated(replacement, text.size())});
  }
  return cases;
}

std::string data_of(const std::string& message) {
  constexpr std::string_view start = R"({"type":"status","data":")";
  if (!message.starts_with(start) || !message.ends_with("\"}"))
    return "not a status message: " + message;
  const auto value = boost::json::parse(message);
  return std::string(value.as_object().at("data").as_string());
}

void check_delivery(const std::vector<payload_case>& cases) {
  stage s;
  auto viewer = s.view("run:payloads");
  CAF_REQUIRE(viewer.live());
  for (const auto& each : cases) {
    s.redis.publish("run:payloads", each.payload);
    CAF_CHECK_EQUAL(data_of(viewer.next_message()), each.data);
  }
}

}  // namespace

CAF_TEST(a_payload_is_forwarded_as_a_compact_status_message) {
  stage s;
  auto viewer = s.view("run-1:channel.a");
  CAF_REQUIRE(viewer.live());
  CAF_CHECK_EQUAL(s.redis.publish("run-1:channel.a", "STEP 3 of 7"), 1);
  CAF_CHECK_EQUAL(viewer.next_message(),
                  R"({"type":"status","data":"STEP 3 of 7"})");
}

CAF_TEST(every_character_reaches_the_browser_unchanged) {
  check_delivery(valid_payloads());
}

CAF_TEST(bytes_that_are_no_utf8_become_replacement_characters) {
  check_delivery(invalid_payloads());
}

CAF_TEST(every_frame_length_arrives_whole) {
  stage s;
  auto viewer = s.view("run:lengths");
  CAF_REQUIRE(viewer.live());
  const auto around = status_text("").size();
  for (const std::size_t length :
       {125UL, 126UL, 127UL, 65535UL, 65536UL, 65537UL}) {
    const std::string payload(length - around, 'x');
    s.redis.publish("run:lengths", payload);
    const auto message = viewer.next_message();
    CAF_CHECK_EQUAL(message.size(), length);
    CAF_CHECK(message == status_text(payload));
  }
}

CAF_TEST(a_megabyte_arrives_whole_and_what_follows_too) {
  stage s;
  auto viewer = s.view("run:big");
  CAF_REQUIRE(viewer.live());
  const std::string payload(1024UL * 1024, 'm');
  for (int i = 0; i < 3; ++i) {
    s.redis.publish("run:big", payload);
    s.redis.publish("run:big", "after");
    CAF_CHECK(viewer.next_message() == status_text(payload));
    CAF_CHECK_EQUAL(viewer.next_message(), status_text("after"));
  }
}

CAF_TEST(messages_around_a_large_one_keep_their_order) {
  stage s;
  auto viewers = live_viewers(s.broker, "run:large", 3);
  const auto large = repeated("ten bytes ", 1'200'000);
  const std::vector<std::string> payloads{"one", "two", large, "four", "five"};
  s.redis.client().publish_all("run:large", payloads);
  for (auto& each : viewers)
    for (const auto& payload : payloads)
      CAF_CHECK(each.next_message(std::chrono::seconds{30}) ==
                status_text(payload));
}

CAF_TEST(ten_thousand_messages_arrive_in_order_at_every_viewer) {
  stage s;
  auto viewers = live_viewers(s.broker, "run:order", 3);
  std::vector<std::string> payloads;
  payloads.reserve(10000);
  for (int i = 0; i < 10000; ++i)
    payloads.push_back("message " + std::to_string(i));
  s.redis.client().publish_all("run:order", payloads);
  for (auto& viewer : viewers) {
    const bool in_order =
        std::all_of(payloads.begin(), payloads.end(), [&](const auto& payload) {
          return viewer.next_message() == status_text(payload);
        });
    CAF_CHECK(in_order);
  }
}

CAF_TEST(viewers_get_their_own_channel_and_no_other) {
  stage s;
  auto one = s.view("run:one");
  auto two = s.view("run:two");
  CAF_REQUIRE(one.live());
  CAF_REQUIRE(two.live());
  for (int i = 0; i < 50; ++i) {
    const auto text = std::to_string(i);
    s.redis.publish("run:one", "one " + text);
    s.redis.publish("run:two", "two " + text);
    CAF_CHECK_EQUAL(one.next_message(), status_text("one " + text));
    CAF_CHECK_EQUAL(two.next_message(), status_text("two " + text));
  }
}

CAF_TEST(nothing_published_after_the_answer_to_init_is_missed) {
  stage s;
  for (int i = 0; i < 200; ++i) {
    const auto channel = "run:new" + std::to_string(i);
    auto viewer = s.view(channel);
    CAF_REQUIRE(viewer.live());
    CAF_REQUIRE_EQUAL(s.redis.publish(channel, "first"), 1);
    CAF_REQUIRE_EQUAL(viewer.next_message(), status_text("first"));
  }
}

CAF_TEST(a_viewer_that_never_says_init_is_served_as_well) {
  stage s;
  auto viewer = s.view("run:silent");
  CAF_REQUIRE(eventually(
      patience, [&] { return s.redis.subscribers("run:silent") == 1; }));
  s.redis.publish("run:silent", "hello");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("hello"));
}

CAF_TEST(publishing_to_another_database_reaches_viewers) {
  stage s;
  auto viewer = s.view("run:db");
  CAF_REQUIRE(viewer.live());
  s.redis.client().command({"SELECT", "0"});
  s.redis.publish("run:db", "from zero");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("from zero"));
}
