// Frames of clients, good and bad, whole and in any pieces.
#include "transport/client_frames.hpp"

#include "tests/support/client_transcript.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <utility>

using namespace status2::support;
using namespace status2::transport;
using namespace std::string_literals;

namespace {

constexpr std::size_t limit = 1000;
constexpr int text_start = 0x01;
constexpr int binary_start = 0x02;
constexpr int middle = 0x00;
constexpr int last = 0x80;
constexpr int text = 0x81;
constexpr int binary = 0x82;
constexpr int close_frame = 0x88;
constexpr int ping = 0x89;
constexpr int pong = 0x8a;

const std::string no_key(4, '\0');
const std::string protocol_error = "error [protocol_error]\n";
const std::string bad_utf8 = "error [bad_utf8]\n";
const std::string message_too_big = "error [message_too_big]\n";

/// The transcript of `bytes`, which must be the same read at once, byte by
/// byte and in two reads with any cut between them.
std::string read(const std::string& bytes) {
  auto at_once = decoded(bytes, limit, [](std::size_t left) { return left; });
  CAF_CHECK_EQUAL(decoded(bytes, limit, [](std::size_t) { return 1; }),
                  at_once);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    bool first = true;
    auto in_two = decoded(bytes, limit, [&](std::size_t left) {
      return std::exchange(first, false) ? cut : left;
    });
    if (in_two != at_once) CAF_CHECK_EQUAL(in_two, at_once);
  }
  return at_once;
}

/// Says `go_on` to each event, and how many there were.
struct counted_events final : client_events {
  bool on_text(std::string_view message) override {
    view = message;
    return count();
  }
  bool on_binary() override { return count(); }
  bool on_ping(std::string_view) override { return count(); }
  bool on_pong(std::string_view) override { return count(); }
  void on_close(std::uint16_t, std::string_view) override { count(); }
  bool count() {
    ++events;
    return go_on;
  }

  bool go_on = true;
  int events = 0;
  std::string_view view;
};

/// A frame's start with a length of any form; mask 0.
std::string header(int first_byte, int short_length, std::uint64_t length,
                   int length_size) {
  std::string bytes{static_cast<char>(first_byte),
                    static_cast<char>(0x80 | short_length)};
  for (int at = length_size; at-- > 0;)
    bytes += static_cast<char>(length >> 8 * at & 0xff);
  return bytes + no_key;
}

}  // namespace

CAF_TEST(the_masked_example_of_rfc_6455_is_read) {
  CAF_CHECK_EQUAL(read("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
                  "text [Hello]\n");
}

CAF_TEST(all_kinds_of_frames_are_told_in_order_however_they_are_cut) {
  const auto bytes =
      client_frame(text, "one") + client_frame(ping, "p1") +
      client_frame(text_start, "tw\xe2\x82") + client_frame(ping, "inside") +
      client_frame(middle, "") + client_frame(middle, "\xac") +
      client_frame(pong, "") + client_frame(last, " end") +
      client_frame(binary, "\xff\xfe") + client_frame(binary_start, "\x80") +
      client_frame(ping, "in binary") + client_frame(last, "") +
      client_frame(text, "") + client_frame(text, std::string(200, 'l')) +
      client_frame(text_start, "") + client_frame(last, "") +
      client_frame(close_frame, "\x03\xe9 bye");
  CAF_CHECK_EQUAL(read(bytes),
                  "text [one]\nping [p1]\nping [inside]\npong []\n"
                  "text [tw\xe2\x82\xac end]\nbinary []\nping [in binary]\n"
                  "binary []\ntext []\ntext [" +
                      std::string(200, 'l') +
                      "]\ntext []\nclose 1001 [ bye]\n");
}

CAF_TEST(payloads_of_every_length_are_unmasked) {
  for (std::size_t size = 0; size < 300; ++size) {
    std::string payload;
    for (std::size_t at = 0; at < size; ++at)
      payload += static_cast<char>(' ' + at % 90);
    for (const std::size_t step : {1U, 3U, 8U, 13U, 1000U})
      CAF_CHECK_EQUAL(decoded(client_frame(text, payload), limit,
                              [&](std::size_t) { return step; }),
                      "text [" + payload + "]\n");
  }
}

CAF_TEST(a_length_of_eight_bytes_is_read) {
  const std::string payload(70000, 'x');
  CAF_CHECK_EQUAL(decoded(client_frame(text, payload), payload.size(),
                          [](std::size_t) { return 4096; }),
                  "text [" + payload + "]\n");
}

CAF_TEST(a_whole_message_is_not_copied_and_nothing_is_kept) {
  auto bytes = client_frame(text, std::string(limit, 'x'));
  client_frames frames(limit);
  counted_events events;
  CAF_CHECK(!frames.feed(bytes, events));
  CAF_CHECK_EQUAL(events.view.data(), bytes.data() + 8);
  CAF_CHECK_EQUAL(events.view.size(), limit);
  CAF_CHECK_EQUAL(frames.kept_bytes(), 0u);
}

CAF_TEST(memory_is_kept_only_while_something_is_in_parts) {
  auto feed = [events = counted_events{}](client_frames& frames,
                                          std::string bytes) mutable {
    CAF_CHECK(!frames.feed(bytes, events));
  };
  client_frames frames(limit);
  const auto frame = client_frame(text, std::string(100, 'x'));
  feed(frames, frame + frame.substr(0, 6));
  CAF_CHECK_EQUAL(frames.kept_bytes(), 0u);
  feed(frames, frame.substr(6, 50));
  CAF_CHECK(frames.kept_bytes() >= 50);
  feed(frames, frame.substr(56));
  CAF_CHECK_EQUAL(frames.kept_bytes(), 0u);
  feed(frames, client_frame(ping, "question").substr(0, 8));
  CAF_CHECK(frames.kept_bytes() > 0);
  feed(frames, client_frame(ping, "question").substr(8));
  CAF_CHECK_EQUAL(frames.kept_bytes(), 0u);
  feed(frames, client_frame(binary_start, std::string(500, 'x')));
  CAF_CHECK_EQUAL(frames.kept_bytes(), 0u);
}

CAF_TEST(an_announced_length_takes_no_memory) {
  client_frames frames(1 << 30);
  counted_events events;
  auto bytes = header(text, 127, 1 << 30, 8) + "x";
  CAF_CHECK(!frames.feed(bytes, events));
  CAF_CHECK(frames.kept_bytes() < 100);
}

CAF_TEST(an_unmasked_frame_is_a_protocol_error) {
  CAF_CHECK_EQUAL(read("\x81\x02{}"), protocol_error);
  CAF_CHECK_EQUAL(read("\x89\x00"s), protocol_error);
  CAF_CHECK_EQUAL(read(client_frame(text, "a") + "\x88\x00"s),
                  "text [a]\n" + protocol_error);
}

CAF_TEST(reserved_bits_and_opcodes_are_a_protocol_error) {
  for (const int bit : {0x10, 0x20, 0x40})
    for (const int first_byte : {text, binary, close_frame, ping, pong})
      CAF_CHECK_EQUAL(read(client_frame(first_byte | bit, "")), protocol_error);
  CAF_CHECK_EQUAL(
      read(client_frame(text_start, "a") + client_frame(last | 0x40, "b")),
      protocol_error);
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
    CAF_CHECK_EQUAL(read(client_frame(0x80 | opcode, "")), protocol_error);
}

CAF_TEST(control_frames_are_short_and_whole) {
  for (const int first_byte : {close_frame, ping, pong}) {
    CAF_CHECK_EQUAL(read(client_frame(first_byte, std::string(126, 'p'))),
                    protocol_error);
    CAF_CHECK_EQUAL(read(client_frame(first_byte & 0x7f, "")), protocol_error);
    CAF_CHECK_EQUAL(read(header(first_byte, 127, 70000, 8)), protocol_error);
  }
  const std::string longest(125, 'p');
  CAF_CHECK_EQUAL(read(client_frame(ping, longest)),
                  "ping [" + longest + "]\n");
}

CAF_TEST(fragments_follow_a_start_and_nothing_else_does) {
  CAF_CHECK_EQUAL(read(client_frame(last, "x")), protocol_error);
  CAF_CHECK_EQUAL(read(client_frame(middle, "x")), protocol_error);
  CAF_CHECK_EQUAL(read(client_frame(text, "a") + client_frame(last, "x")),
                  "text [a]\n" + protocol_error);
  for (const int start : {text_start, binary_start})
    for (const int next : {text, text_start, binary, binary_start})
      CAF_CHECK_EQUAL(read(client_frame(start, "") + client_frame(next, "x")),
                      protocol_error);
}

CAF_TEST(a_length_has_its_shortest_form) {
  CAF_CHECK_EQUAL(read(header(text, 126, 125, 2)), protocol_error);
  CAF_CHECK_EQUAL(read(header(text, 127, 65535, 8)), protocol_error);
  CAF_CHECK_EQUAL(read(header(text, 127, 0, 8)), protocol_error);
  CAF_CHECK_EQUAL(read(header(text, 126, 126, 2) + std::string(126, 'x')),
                  "text [" + std::string(126, 'x') + "]\n");
}

CAF_TEST(a_message_over_the_limit_is_refused_at_its_header) {
  CAF_CHECK_EQUAL(read(client_frame(text, std::string(limit, 'x'))),
                  "text [" + std::string(limit, 'x') + "]\n");
  for (const int first_byte : {text, text_start, binary, binary_start})
    CAF_CHECK_EQUAL(read(header(first_byte, 126, limit + 1, 2)),
                    message_too_big);
  CAF_CHECK_EQUAL(read(header(text, 127, ~0ULL >> 1, 8)), message_too_big);
  // RFC 6455 forbids the highest bit.
  for (const auto length : {~0ULL, 1ULL << 63})
    CAF_CHECK_EQUAL(read(header(text, 127, length, 8)), protocol_error);
}

CAF_TEST(fragments_share_one_limit_and_messages_do_not) {
  const std::string half(limit / 2, 'x');
  for (const int start : {text_start, binary_start}) {
    const auto both = client_frame(start, half) + client_frame(middle, half) +
                      client_frame(ping, "p");
    CAF_CHECK_EQUAL(read(both + header(middle, 1, 0, 0)),
                    "ping [p]\n" + message_too_big);
    CAF_CHECK_EQUAL(read(both + header(last, 127, ~0ULL >> 1, 8)),
                    "ping [p]\n" + message_too_big);
    const auto ended =
        read(both + client_frame(last, "") + client_frame(binary, half + half));
    CAF_CHECK(ended.ends_with("]\nbinary []\n"));
  }
}

CAF_TEST(text_that_is_no_utf8_is_refused_at_the_first_wrong_byte) {
  for (const auto* wrong :
       {"\x80", "\xbf", "\xc0", "\xc1", "\xf5", "\xff", "\xe0\x9f", "\xed\xa0",
        "\xf0\x8f", "\xf4\x90", "\xc3\x28", "\xe2\x28", "\xe2\x82\x28",
        "\xf0\x9f\x28", "\xf0\x9f\x98\x28", "\xe2\x82\xe2"}) {
    for (const std::string before : {"", "a", "12345678", "1234567\xc3\xa9"}) {
      // The frame goes on: what comes is not waited for.
      const auto all = client_frame(text, before + wrong + "....");
      CAF_CHECK_EQUAL(read(all.substr(0, all.size() - 4)), bad_utf8);
      CAF_CHECK_EQUAL(
          read(client_frame(text_start, before) + client_frame(middle, wrong)),
          bad_utf8);
    }
  }
}

CAF_TEST(text_does_not_end_within_a_character) {
  for (const auto* begun :
       {"\xc3", "\xe2", "\xe2\x82", "\xf0", "\xf0\x9f", "\xf0\x9f\x98", "\xe0",
        "\xe0\xa0", "\xed\x9f", "\xf4\x8f", "\xf4\x8f\xbf"}) {
    CAF_CHECK_EQUAL(read(client_frame(text, begun)), bad_utf8);
    CAF_CHECK_EQUAL(read(client_frame(text_start, begun)), "");
    CAF_CHECK_EQUAL(
        read(client_frame(text_start, begun) + client_frame(last, "")),
        bad_utf8);
    CAF_CHECK_EQUAL(
        read(client_frame(text_start, begun) + client_frame(last, ".")),
        bad_utf8);
  }
}

CAF_TEST(characters_of_all_lengths_may_be_cut_by_fragments) {
  const auto characters =
      "aé€😀\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"s;
  for (std::size_t first = 0; first <= characters.size(); ++first)
    for (auto second = first; second <= characters.size(); ++second)
      CAF_CHECK_EQUAL(
          decoded(client_frame(text_start, characters.substr(0, first)) +
                      client_frame(middle,
                                   characters.substr(first, second - first)) +
                      client_frame(ping, "") +
                      client_frame(last, characters.substr(second)),
                  limit, [](std::size_t left) { return left; }),
          "ping []\ntext [" + characters + "]\n");
}

CAF_TEST(a_close_has_a_valid_code_or_none) {
  const auto code_bytes = [](int code) {
    return std::string{static_cast<char>(code >> 8),
                       static_cast<char>(code & 0xff)};
  };
  CAF_CHECK_EQUAL(read(client_frame(close_frame, "")), "close 0 []\n");
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                         1012, 1013, 1014, 3000, 3999, 4000, 4999})
    CAF_CHECK_EQUAL(read(client_frame(close_frame, code_bytes(code))),
                    "close " + std::to_string(code) + " []\n");
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999})
    CAF_CHECK_EQUAL(read(client_frame(close_frame, code_bytes(code))),
                    protocol_error);
  CAF_CHECK_EQUAL(read(client_frame(close_frame, "\x0f")), protocol_error);
}

CAF_TEST(the_reason_of_a_close_is_utf8) {
  CAF_CHECK_EQUAL(read(client_frame(close_frame, "\x03\xe8 é")),
                  "close 1000 [ é]\n");
  for (const char* reason : {"\x03\xe8\xff", "\x03\xe8\xc3"})
    CAF_CHECK_EQUAL(read(client_frame(close_frame, reason)), protocol_error);
}

CAF_TEST(nothing_is_told_after_a_close_or_an_error) {
  const auto more = client_frame(text, "more") + client_frame(0xff, "");
  CAF_CHECK_EQUAL(read(client_frame(close_frame, "") + more), "close 0 []\n");
  CAF_CHECK_EQUAL(read(client_frame(text, "\xff") + more), bad_utf8);
  CAF_CHECK_EQUAL(read(client_frame(text_start, "left open") +
                       client_frame(close_frame, "") + more),
                  "close 0 []\n");
}

CAF_TEST(an_event_that_says_so_is_the_last) {
  for (const int first_byte : {text, binary, ping, pong}) {
    client_frames frames(limit);
    counted_events events;
    events.go_on = false;
    const auto one = client_frame(first_byte, "x");
    auto bytes = one + one;
    CAF_CHECK(!frames.feed(bytes, events));
    bytes = one + client_frame(0xff, "");
    CAF_CHECK(!frames.feed(bytes, events));
    CAF_CHECK_EQUAL(events.events, 1);
  }
}

CAF_TEST(what_is_kept_goes_when_the_session_is_over) {
  client_frames frames(limit);
  counted_events events;
  events.go_on = false;
  auto bytes = client_frame(text_start, std::string(100, 'x'));
  CAF_CHECK(!frames.feed(bytes, events));
  CAF_CHECK(frames.kept_bytes() >= 100);
  bytes = client_frame(ping, "");
  CAF_CHECK(!frames.feed(bytes, events));
  CAF_CHECK_EQUAL(events.events, 1);
  CAF_CHECK_EQUAL(frames.kept_bytes(), 0u);
}
