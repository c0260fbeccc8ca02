// Frames of all kinds from clients, good and bad.
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

constexpr std::uint8_t text_start = 0x01;
constexpr std::uint8_t middle = 0x00;
constexpr std::uint8_t last = 0x80;
constexpr std::uint8_t whole_binary = 0x82;
constexpr std::uint8_t protocol_ping = 0x89;
constexpr std::uint8_t protocol_pong = 0x8a;

struct fixture {
  fixture() {
    options.session.ping_interval = 1h;
    options.session.max_message_size = 1000;
    server = std::make_unique<transport_server>(options);
    client = std::make_unique<viewer>(server->port(), "run:channel");
  }

  /// Checks how the session ends after what was sent, on both sides.
  void check_closed(int code, close_reason reason) {
    CAF_CHECK_EQUAL(client->close_code(), code);
    client->connection().finish();
    CAF_CHECK(client->ended());
    CAF_CHECK(server->closed().reason == reason);
  }
  void check_protocol_error() {
    check_closed(1002, close_reason::protocol_error);
  }
  void send(std::string_view bytes) { client->connection().send(bytes); }

  transport_options options;
  std::unique_ptr<transport_server> server;
  std::unique_ptr<viewer> client;
};

/// A masked frame's start with any length field; mask 0.
std::string header(std::uint8_t first, std::uint64_t length) {
  std::string bytes{static_cast<char>(first), '\xff'};
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes += static_cast<char>(length >> shift & 0xff);
  return bytes + std::string(4, '\0');
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(input_tests, fixture)

CAF_TEST(a_fragmented_message_counts_with_pings_between_its_parts) {
  client->send_frame(text_start, R"({"ty)");
  client->send_frame(protocol_ping, "one");
  client->send_frame(middle, "");
  client->send_frame(middle, R"(pe":"in)");
  client->send_frame(protocol_ping, "");
  client->send_frame(last, R"(it"})");
  const std::array<std::pair<server_frame::kind, std::string_view>, 3> expected{
      {{server_frame::kind::pong, "one"},
       {server_frame::kind::pong, ""},
       {server_frame::kind::text, ping_text}}};
  for (const auto& [kind, text] : expected) {
    const auto frame = client->next();
    CAF_REQUIRE(frame);
    CAF_CHECK(frame->what == kind);
    CAF_CHECK_EQUAL(frame->text, text);
  }
}

CAF_TEST(a_ping_is_answered_with_its_payload) {
  for (const std::size_t size : {0U, 1U, 125U}) {
    const std::string payload(size, 'p');
    client->send_frame(protocol_ping, payload);
    const auto frame = client->next();
    CAF_REQUIRE(frame);
    CAF_CHECK(frame->what == server_frame::kind::pong);
    CAF_CHECK_EQUAL(frame->text, payload);
  }
}

CAF_TEST(pings_count_as_messages_do) {
  options.session.message_rate = 1;
  options.session.message_burst = 5;
  transport_server bounded(options);
  viewer flood(bounded.port(), "run:channel");
  for (int i = 0; i < 7; ++i)
    flood.send_frame(protocol_ping, std::to_string(i));
  int pongs = 0;
  auto frame = flood.next();
  for (; frame && frame->what == server_frame::kind::pong; frame = flood.next())
    ++pongs;
  CAF_REQUIRE(frame && frame->what == server_frame::kind::close);
  CAF_CHECK_EQUAL(frame->code, 1008);
  CAF_CHECK_EQUAL(pongs, 5);
}

CAF_TEST(every_kind_of_frame_counts) {
  options.session.message_rate = 1;
  options.session.message_burst = 5;
  for (const auto& [start, next] :
       {std::pair<std::uint8_t, std::uint8_t>{protocol_pong, protocol_pong},
        std::pair<std::uint8_t, std::uint8_t>{text_start, middle},
        std::pair<std::uint8_t, std::uint8_t>{whole_binary, whole_binary}}) {
    transport_server bounded(options);
    viewer flood(bounded.port(), "run:channel");
    flood.send_frame(start, "");
    for (int i = 0; i < 10; ++i)
      flood.send_frame(next, "");
    CAF_CHECK_EQUAL(flood.close_code(), 1008);
    flood.connection().close();
    CAF_CHECK(bounded.closed().reason == close_reason::message_rate);
  }
}

CAF_TEST(a_frame_in_many_parts_counts_for_its_parts) {
  options.session.message_rate = 1;
  options.session.message_burst = 5;
  transport_server bounded(options);
  viewer trickle(bounded.port(), "run:channel");
  // The header of a text of 100 bytes, mask 0, then byte by byte.
  trickle.connection().send(std::string("\x81\xe4\0\0\0\0", 6));
  for (int i = 0; i < 50; ++i) {
    trickle.connection().send("x");
    if (trickle.close_code(10ms) != 0) break;
  }
  trickle.connection().close();
  CAF_CHECK(bounded.closed().reason == close_reason::message_rate);
}

CAF_TEST(the_largest_message_is_never_too_much_for_a_quiet_client) {
  options.session.message_rate = 1;
  options.session.message_burst = 10;
  options.session.max_message_size = 1 << 20;
  transport_server bounded(options);
  viewer client(bounded.port(), "run:channel");
  std::string text = R"({"type":"init","x":")";
  text += std::string(options.session.max_message_size - text.size() - 2, 'x');
  client.send_text(text + "\"}");
  CAF_CHECK(client.next_ping());
}

CAF_TEST(after_a_breach_nothing_is_read) {
  options.session.message_rate = 1;
  options.session.message_burst = 5;
  transport_server bounded(options);
  viewer flood(bounded.port(), "run:channel");
  for (int i = 0; i < 6; ++i)
    flood.send_frame(protocol_pong, "");
  CAF_CHECK_EQUAL(flood.close_code(), 1008);
  for (int i = 0; i < 100; ++i)
    flood.send_text("malformed");
  flood.connection().finish();
  CAF_CHECK(bounded.closed().reason == close_reason::message_rate);
  CAF_CHECK_EQUAL(bounded.session_counters().malformed_messages.value(), 0);
}

CAF_TEST(a_message_that_is_not_finished_in_time_closes_with_1008) {
  options.session.ping_interval = 1h;
  options.session.message_timeout = 150ms;
  transport_server impatient(options);
  viewer header(impatient.port(), "run:header");
  header.connection().send("\x81");
  viewer fragment(impatient.port(), "run:fragment");
  fragment.send_frame(text_start, "begun");
  // A ping in between does not end the message.
  fragment.send_frame(protocol_ping, "");
  viewer whole(impatient.port(), "run:whole");
  whole.send_text("whole");
  CAF_CHECK_EQUAL(header.close_code(), 1008);
  CAF_CHECK_EQUAL(fragment.close_code(), 1008);
  CAF_CHECK(whole.live());
}

CAF_TEST(unfinished_messages_have_a_budget_and_the_largest_goes) {
  options.session.max_message_size = 65536;
  options.inbound_bytes = 150000;
  transport_server bounded(options);
  viewer modest(bounded.port(), "run:modest");
  modest.send_frame(text_start, R"({"type":)");
  std::vector<std::unique_ptr<viewer>> hoarders;
  for (int i = 0; i < 4; ++i) {
    hoarders.push_back(std::make_unique<viewer>(bounded.port(), "run:large"));
    hoarders.back()->send_frame(text_start, std::string(60000, 'x'));
  }
  CAF_CHECK_EQUAL(hoarders.front()->close_code(), 1008);
  CAF_CHECK(bounded.session_counters().inbound_memory.value() <= 150000);
  modest.send_frame(last, R"("init"})");
  CAF_CHECK(modest.next_ping());
  hoarders.clear();
  CAF_CHECK(eventually(patience, [&] {
    return bounded.session_counters().inbound_memory.value() == 0;
  }));
}

CAF_TEST(messages_that_mean_nothing_are_ignored) {
  client->send_text(R"({"type":"subscribe"})");
  client->send_text("");
  client->send_frame(whole_binary, R"({"type":"init"})");
  client->send_frame(protocol_pong, "unasked");
  CAF_CHECK(client->live());
  CAF_CHECK_EQUAL(server->inits(), 1u);
}

CAF_TEST(malformed_json_is_reported_cut_and_otherwise_ignored) {
  client->send_text("not json");
  client->send_text(std::string(900, '['));
  CAF_CHECK(client->live());
  const auto malformed = server->malformed();
  CAF_REQUIRE_EQUAL(malformed.size(), 2u);
  CAF_CHECK_EQUAL(malformed[0], "not json");
  CAF_CHECK_EQUAL(malformed[1], std::string(120, '['));
  CAF_CHECK_EQUAL(server->session_counters().malformed_messages.value(), 2);
}

CAF_TEST(a_message_of_the_largest_size_is_taken) {
  std::string text = R"({"type":"init","x":")";
  text += std::string(options.session.max_message_size - text.size() - 2, 'x');
  text += "\"}";
  client->send_text(text);
  CAF_CHECK(client->next());
  CAF_CHECK_EQUAL(server->inits(), 1u);
}

CAF_TEST(a_larger_message_closes_with_1009) {
  client->send_text(std::string(options.session.max_message_size + 1, 'x'));
  check_closed(1009, close_reason::message_too_big);
}

CAF_TEST(a_larger_message_in_parts_closes_with_1009) {
  client->send_frame(text_start, std::string(600, 'x'));
  client->send_frame(last, std::string(600, 'x'));
  check_closed(1009, close_reason::message_too_big);
}

CAF_TEST(a_client_that_goes_on_sending_still_gets_the_close) {
  send(header(0x81, 50 << 20));
  for (int i = 0; i < 50; ++i)
    send(std::string(1 << 20, 'x'));
  check_closed(1009, close_reason::message_too_big);
}

CAF_TEST(absurd_lengths_close_without_waiting_for_the_bytes) {
  for (const auto& [length, code] :
       {std::pair{~0ULL >> 1, 1009}, std::pair{~0ULL, 1002}}) {
    viewer other(server->port(), "run:channel");
    other.connection().send(header(0x81, length));
    CAF_CHECK_EQUAL(other.close_code(), code);
  }
}

CAF_TEST(an_unmasked_frame_is_a_protocol_error) {
  send(std::string("\x81\x02{}", 4));
  check_protocol_error();
}

CAF_TEST(reserved_bits_are_a_protocol_error) {
  client->send_frame(0xc1, "{}");
  check_protocol_error();
}

CAF_TEST(unknown_opcodes_are_a_protocol_error) {
  for (const std::uint8_t opcode : {0x3, 0x7, 0xb, 0xf}) {
    viewer other(server->port(), "run:channel");
    other.send_frame(0x80 | opcode, "");
    CAF_CHECK_EQUAL(other.close_code(), 1002);
  }
}

CAF_TEST(a_long_control_frame_is_a_protocol_error) {
  client->send_frame(protocol_ping, std::string(126, 'p'));
  check_protocol_error();
}

CAF_TEST(a_fragmented_control_frame_is_a_protocol_error) {
  client->send_frame(0x09, "p");
  check_protocol_error();
}

CAF_TEST(a_continuation_of_nothing_is_a_protocol_error) {
  client->send_frame(last, "x");
  check_protocol_error();
}

CAF_TEST(a_message_inside_a_message_is_a_protocol_error) {
  client->send_frame(text_start, "{");
  client->send_text("{}");
  check_protocol_error();
}

CAF_TEST(text_that_is_no_utf8_closes_with_1007) {
  client->send_text("{\"x\":\"\xed\xa0\x80\"}");
  check_closed(1007, close_reason::bad_utf8);
}

CAF_TEST(utf8_may_be_split_between_frames) {
  client->send_frame(text_start, "{\"x\":\"\xe2\x82");
  client->send_frame(last, "\xac\",\"type\":\"init\"}");
  CAF_CHECK(client->next());
  CAF_CHECK_EQUAL(server->inits(), 1u);
}

CAF_TEST(close_codes_are_echoed) {
  for (const int code : {1000, 1001, 1003, 3000, 4999}) {
    viewer other(server->port(), "run:channel");
    other.send_frame(0x88, std::string{static_cast<char>(code >> 8),
                                       static_cast<char>(code & 0xff)});
    CAF_CHECK_EQUAL(other.close_code(), code);
    CAF_CHECK(other.ended());
  }
}

CAF_TEST(a_close_without_code_is_answered_as_normal) {
  client->send_frame(0x88, "");
  check_closed(1000, close_reason::client_closed);
  CAF_CHECK_EQUAL(server->closed().peer_code, 0);
}

CAF_TEST(invalid_close_frames_are_a_protocol_error) {
  using namespace std::string_view_literals;
  for (const auto payload : {"\x03"sv, "\x03\xe7"sv, "\x03\xed"sv, "\x03\xee"sv,
                             "\x03\xf7"sv, "\0\0"sv}) {
    viewer other(server->port(), "run:channel");
    other.send_frame(0x88, payload);
    CAF_CHECK_EQUAL(other.close_code(), 1002);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
