// Compressed messages of clients, good and bad, whole and in any pieces.
#include "tests/support/autobahn_deflate.hpp"
#include "tests/support/client_transcript.hpp"
#include "tests/support/deflate_reference.hpp"
#include "transport/client_frames.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <utility>

using namespace status2::support;
using namespace status2::transport;
using namespace std::string_literals;

namespace {

constexpr std::size_t limit = 1000;
constexpr int compressed = 0x40;
constexpr int text_start = 0x01;
constexpr int binary_start = 0x02;
constexpr int middle = 0x00;
constexpr int last = 0x80;
constexpr int text = 0x81;
constexpr int binary = 0x82;
constexpr int close_frame = 0x88;
constexpr int ping = 0x89;
constexpr int pong = 0x8a;

const std::string protocol_error = "error [protocol_error]\n";
const std::string bad_utf8 = "error [bad_utf8]\n";
const std::string message_too_big = "error [message_too_big]\n";
/// "Hello", RFC 7692 section 7.2.3.1.
const auto hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;

/// The transcript of `bytes`, which must be the same read at once, byte by
/// byte and in two reads with any cut between them.
std::string read(const std::string& bytes) {
  auto at_once = decoded(
      bytes, limit, [](std::size_t left) { return left; }, true);
  CAF_CHECK_EQUAL(decoded(
                      bytes, limit, [](std::size_t) { return 1; }, true),
                  at_once);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    bool first = true;
    auto in_two = decoded(
        bytes, limit,
        [&](std::size_t left) {
          return std::exchange(first, false) ? cut : left;
        },
        true);
    if (in_two != at_once) CAF_CHECK_EQUAL(in_two, at_once);
  }
  return at_once;
}

std::string compressed_text(std::string_view payload) {
  return client_frame(text | compressed, deflated(payload));
}

/// Sums up what it is told of compressed messages.
struct inflated_events final : client_events {
  bool on_inflated(std::uint64_t bytes) override {
    more += bytes;
    return go_on;
  }
  bool on_text(std::string_view message) override {
    texts += message;
    return true;
  }
  bool on_binary() override { return true; }
  bool on_ping(std::string_view) override { return true; }
  bool on_pong(std::string_view) override { return true; }
  void on_close(std::uint16_t, std::string_view) override {}

  bool go_on = true;
  std::uint64_t more = 0;
  std::string texts;
};

}  // namespace

CAF_TEST(the_frames_of_rfc_7692_are_read) {
  // Section 7.2.3.1, as one frame and as two.
  CAF_CHECK_EQUAL(read(client_frame(0xc1, hello)), "text [Hello]\n");
  CAF_CHECK_EQUAL(read(client_frame(0x41, hello.substr(0, 3)) +
                       client_frame(0x80, hello.substr(3))),
                  "text [Hello]\n");
  // 7.2.3.6: an empty message.
  CAF_CHECK_EQUAL(read(client_frame(0xc1, "\x00"s)), "text []\n");
  // 7.2.3.2: a client that refers to its last message, which was not agreed on.
  CAF_CHECK_EQUAL(read(client_frame(0xc1, hello) +
                       client_frame(0xc1, "\xf2\x00\x11\x00\x00"s)),
                  "text [Hello]\n" + protocol_error);
}

CAF_TEST(compressed_messages_come_between_others_however_they_are_cut) {
  const auto payload = deflated("the same again and again and again €");
  const auto third = payload.size() / 3;
  const auto bytes =
      client_frame(text, "plain") + compressed_text("one") +
      client_frame(text_start | compressed, payload.substr(0, third)) +
      client_frame(ping, "inside") + client_frame(middle, "") +
      client_frame(middle, payload.substr(third, third)) +
      client_frame(pong, "p") + client_frame(last, payload.substr(2 * third)) +
      client_frame(text_start, "in ") + client_frame(last, "parts") +
      client_frame(binary | compressed, deflated("\xff\xfe")) +
      client_frame(binary_start | compressed, "\x01") +
      client_frame(ping, "in binary") + client_frame(last, "\x02") +
      compressed_text("") + client_frame(text, "") +
      client_frame(close_frame, "\x03\xe8");
  CAF_CHECK_EQUAL(
      read(bytes),
      "text [plain]\ntext [one]\nping [inside]\npong [p]\n"
      "text [the same again and again and again €]\ntext [in parts]\n"
      "binary []\nping [in binary]\nbinary []\ntext []\ntext []\n"
      "close 1000 []\n");
}

CAF_TEST(only_the_first_frame_of_a_message_says_that_it_is_compressed) {
  for (const int start : {text_start, binary_start, text_start | compressed,
                          binary_start | compressed}) {
    const auto begun = client_frame(start, "a");
    CAF_CHECK_EQUAL(
        read(begun + client_frame(last | compressed, hello.substr(3))),
        protocol_error);
    CAF_CHECK_EQUAL(
        read(begun + client_frame(middle | compressed, hello.substr(3))),
        protocol_error);
  }
}

CAF_TEST(control_frames_and_other_bits_are_a_protocol_error) {
  for (const int first_byte : {close_frame, ping, pong})
    CAF_CHECK_EQUAL(read(client_frame(first_byte | compressed, "")),
                    protocol_error);
  for (const int bit : {0x10, 0x20})
    for (const int first_byte : {text, binary})
      CAF_CHECK_EQUAL(read(client_frame(first_byte | compressed | bit, hello)),
                      protocol_error);
}

CAF_TEST(nothing_is_compressed_without_negotiation) {
  for (const int first_byte : {text, binary, text_start, binary_start})
    CAF_CHECK_EQUAL(decoded(client_frame(first_byte | compressed, hello), limit,
                            [](std::size_t left) { return left; }),
                    protocol_error);
}

CAF_TEST(data_that_are_not_deflate_are_a_protocol_error) {
  for (const auto& wrong :
       {""s, "\x07"s, hello.substr(0, 4), "\x00\x05\x00\xfa\xfeHello\x00"s}) {
    CAF_CHECK_EQUAL(read(client_frame(text | compressed, wrong)),
                    protocol_error);
    CAF_CHECK_EQUAL(read(client_frame(text_start | compressed, wrong) +
                         client_frame(last, "")),
                    protocol_error);
  }
}

CAF_TEST(a_text_is_utf8_once_it_is_decompressed) {
  for (const auto* wrong : {"\xff", "a\xc3", "\xe2\x82", "\xf4\x90\x80\x80"})
    CAF_CHECK_EQUAL(read(compressed_text(wrong)), bad_utf8);
  // Compressed bytes are not text, and may end anywhere.
  const auto euro = deflated("€€€€€€€€ and €");
  for (std::size_t cut = 0; cut <= euro.size(); ++cut)
    CAF_CHECK_EQUAL(
        read(client_frame(text_start | compressed, euro.substr(0, cut)) +
             client_frame(last, euro.substr(cut))),
        "text [€€€€€€€€ and €]\n");
}

CAF_TEST(the_limit_holds_for_what_a_message_becomes) {
  const std::string longest(limit, 'x');
  CAF_CHECK_EQUAL(read(compressed_text(longest)), "text [" + longest + "]\n");
  CAF_CHECK_EQUAL(read(compressed_text(longest + 'x')), message_too_big);
  CAF_CHECK_EQUAL(read(compressed_text(std::string(500000, 'x'))),
                  message_too_big);
  // And for what came, at the header.
  CAF_CHECK_EQUAL(
      read(client_frame(text | compressed, std::string(limit + 1, '\0'))
               .substr(0, 8)),
      message_too_big);
  CAF_CHECK(read(compressed_text(longest) + compressed_text(longest))
                .ends_with("]\n"));
}

CAF_TEST(what_is_kept_of_a_message_is_compressed) {
  client_frames frames(100000, true);
  inflated_events events;
  const auto payload = deflated(std::string(90000, 'x'));
  auto begun = client_frame(text_start | compressed, payload);
  CAF_CHECK(!frames.feed(begun, events));
  CAF_CHECK(frames.kept_bytes() >= payload.size());
  CAF_CHECK(frames.kept_bytes() < 2 * payload.size() + 100);
  auto ended = client_frame(last, "");
  CAF_CHECK(!frames.feed(ended, events));
  CAF_CHECK_EQUAL(frames.kept_bytes(), 0u);
  CAF_CHECK_EQUAL(events.more, 90000 - payload.size());
  CAF_CHECK_EQUAL(events.texts.size(), 90000u);
}

CAF_TEST(a_message_that_is_too_much_is_not_told) {
  client_frames frames(limit, true);
  inflated_events events;
  events.go_on = false;
  auto bytes = compressed_text(std::string(500, 'x')) + compressed_text("more");
  CAF_CHECK(!frames.feed(bytes, events));
  CAF_CHECK_EQUAL(events.texts, "");
  CAF_CHECK(events.more > 400);
}

CAF_TEST(every_message_of_autobahn_comes_as_it_was) {
  for (const auto& each : deflate_cases(3, 20000)) {
    std::string expected;
    for (const auto& message : each.messages)
      expected += each.binary ? "binary []\n" : "text [" + message + "]\n";
    for (const std::size_t step : {1000U, 65536U})
      CAF_CHECK(decoded(
                    each.bytes(), 1 << 20, [&](std::size_t) { return step; },
                    !each.answer.empty()) == expected);
  }
}
