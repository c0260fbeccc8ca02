// Compressed messages, out to clients and in from them, over sockets.
#include "transport/deflate.hpp"

#include "tests/support/deflate_reference.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"

#include <caf/test/unit_test.hpp>

#include <memory>
#include <string>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using transport::close_reason;

namespace {

constexpr std::uint8_t compressed_text = 0xc1;
constexpr std::uint8_t compressed_start = 0x41;
constexpr std::uint8_t last = 0x80;
constexpr std::uint8_t compressed_last = 0xc0;

transport_options with_compression() {
  transport_options options;
  options.listener.compression = true;
  options.session.ping_interval = 1h;
  options.session.max_message_size = 10000;
  return options;
}

viewer_options offering() {
  return {.headers = std::string(deflate_offer)};
}

struct fixture {
  explicit fixture(transport_options options = with_compression())
      : server(std::move(options)),
        client(server.port(), "run:channel", offering()) {
    CAF_REQUIRE(eventually(patience, [&] { return server.sessions() == 1; }));
  }
  void check_closed(int code, close_reason reason) {
    CAF_CHECK_EQUAL(client.close_code(), code);
    client.connection().finish();
    CAF_CHECK(client.ended());
    CAF_CHECK(server.closed().reason == reason);
  }
  transport_server server;
  viewer client;
};

/// Texts of many lengths, some of which get shorter.
std::string payload_of(int i) {
  std::string text = std::to_string(i) + ' ';
  for (int j = 0; j < i * 7 % 400; ++j)
    text += std::to_string(j * i % 1000) + ',';
  return text;
}

}  // namespace

CAF_TEST(an_offer_is_answered_and_counted) {
  fixture f;
  CAF_CHECK(f.client.answer().header("sec-websocket-extensions") ==
            "permessage-deflate; server_no_context_takeover; "
            "client_no_context_takeover");
  const auto& counters = f.server.session_counters();
  CAF_CHECK_EQUAL(counters.connections_compressed.value(), 1);
  viewer plain(f.server.port(), "run:channel");
  CAF_CHECK(!plain.answer().header("sec-websocket-extensions"));
  CAF_REQUIRE(eventually(patience, [&] { return f.server.sessions() == 2; }));
  CAF_CHECK_EQUAL(counters.connections_compressed.value(), 1);
  f.client.connection().close();
  CAF_CHECK(eventually(
      patience, [&] { return counters.connections_compressed.value() == 0; }));
}

CAF_TEST(nothing_is_negotiated_unless_it_is_set) {
  auto options = with_compression();
  options.listener.compression = false;
  fixture f(options);
  CAF_CHECK(!f.client.answer().header("sec-websocket-extensions"));
  f.client.send_frame(compressed_text, deflated(R"({"type":"init"})"));
  f.check_closed(1002, close_reason::protocol_error);
}

CAF_TEST(all_viewers_of_a_channel_get_the_same_messages) {
  fixture f;
  viewer plain(f.server.port(), "run:channel");
  viewer numbered(f.server.port(), "run:channel?tail=0");
  viewer both(f.server.port(), "run:channel?tail=0", offering());
  CAF_REQUIRE(eventually(patience, [&] { return f.server.sessions() == 4; }));
  std::size_t compressed = 0;
  for (int i = 0; i < 200; ++i) {
    f.server.publish_encoded(payload_of(i));
    const auto one = f.client.next();
    const auto two = plain.next();
    const auto three = numbered.next();
    const auto four = both.next();
    CAF_REQUIRE(one && two && three && four);
    CAF_REQUIRE_EQUAL(one->text, two->text);
    CAF_REQUIRE_EQUAL(three->text, four->text);
    CAF_CHECK(!two->compressed && !three->compressed);
    CAF_CHECK_EQUAL(one->compressed,
                    one->text.size() >= transport::least_deflated);
    compressed += one->compressed ? 1 : 0;
  }
  CAF_CHECK(compressed > 100);
}

CAF_TEST(frames_of_control_are_not_compressed) {
  auto options = with_compression();
  options.session.hangup = true;
  fixture f(options);
  f.client.init();
  auto frame = f.client.next();
  CAF_REQUIRE(frame);
  CAF_CHECK_EQUAL(frame->text, ping_text);
  CAF_CHECK(!frame->compressed);
  f.server.close_all(close_reason::shutdown);
  frame = f.client.next();
  CAF_REQUIRE(frame);
  CAF_CHECK_EQUAL(frame->text, hangup_text);
  CAF_CHECK(!frame->compressed);
}

CAF_TEST(a_client_that_does_not_read_is_closed_between_two_frames) {
  auto options = with_compression();
  options.session.outbox_limit = 65536;
  transport_server server(options);
  viewer slow(server.port(), "run:channel",
              {.headers = std::string(deflate_offer), .receive_buffer = 65536});
  CAF_REQUIRE(eventually(patience, [&] { return server.sessions() == 1; }));
  int published = 0;
  while (published < 200000 &&
         server.session_counters().write_errors.value() == 0)
    server.publish_encoded(payload_of(++published % 1000));
  int got = 0;
  while (const auto frame = slow.next()) {
    if (frame->what == server_frame::kind::close) {
      CAF_CHECK_EQUAL(frame->code, 1008);
      break;
    }
    ++got;
    CAF_REQUIRE(frame->text == status_text(payload_of(got % 1000)));
  }
  CAF_CHECK(slow.connection().buffer().empty());
  slow.connection().close();
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::slow_consumer);
  CAF_CHECK_EQUAL(report.messages_sent, static_cast<std::uint64_t>(got));
  CAF_CHECK_EQUAL(report.messages_sent + report.messages_discarded,
                  static_cast<std::uint64_t>(published));
}

CAF_TEST(a_client_may_compress_or_not) {
  fixture f;
  const auto init = deflated(R"({"type":"init"})");
  f.client.send_frame(compressed_text, init);
  CAF_CHECK(f.client.next_ping());
  f.client.init();
  CAF_CHECK(f.client.next_ping());
  f.client.send_frame(compressed_start, init.substr(0, 4));
  f.client.send_frame(last, init.substr(4));
  CAF_CHECK(f.client.next_ping());
}

CAF_TEST(a_later_frame_that_says_it_is_compressed_closes) {
  fixture f;
  f.client.send_frame(compressed_start, "\xf2\x48");
  f.client.send_frame(compressed_last, "\xcd");
  f.check_closed(1002, close_reason::protocol_error);
}

CAF_TEST(data_that_are_not_deflate_close) {
  fixture f;
  f.client.send_frame(compressed_text, "\x07");
  f.check_closed(1002, close_reason::protocol_error);
}

CAF_TEST(a_compressed_text_that_is_not_utf8_closes) {
  fixture f;
  f.client.send_frame(compressed_text, deflated("\xff"));
  f.check_closed(1007, close_reason::bad_utf8);
}

CAF_TEST(a_bomb_closes) {
  fixture f;
  f.client.send_frame(compressed_text, deflated(std::string(9000000, ' '), 9));
  f.check_closed(1009, close_reason::message_too_big);
}

CAF_TEST(a_client_pays_for_what_its_messages_become) {
  auto options = with_compression();
  options.session.max_message_size = 1 << 20;
  options.session.message_rate = 1;
  options.session.message_burst = 10;
  fixture f(options);
  // The largest is never too much for a client that was quiet.
  const auto large =
      deflated(R"({"type":"init","x":")" + std::string(1000000, 'x') + "\"}");
  CAF_REQUIRE(large.size() < 5000);
  f.client.send_frame(compressed_text, large);
  CAF_CHECK(f.client.next_ping());
  for (int i = 0; i < 2; ++i)
    f.client.send_frame(compressed_text, large);
  f.check_closed(1008, close_reason::message_rate);
}

CAF_TEST(unfinished_messages_are_kept_as_they_came) {
  fixture f;
  f.client.send_frame(compressed_start, std::string(5000, 'x'));
  const auto& memory = f.server.session_counters().inbound_memory;
  CAF_REQUIRE(eventually(patience, [&] { return memory.value() >= 5000; }));
  CAF_CHECK(memory.value() < 20000);
  f.client.connection().close();
  CAF_CHECK(eventually(patience, [&] { return memory.value() == 0; }));
}
