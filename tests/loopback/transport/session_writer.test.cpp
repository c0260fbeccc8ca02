// Slow readers: bounded, closed, counted, and nobody else waits for them.
#include "transport/session_writer.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <string>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using transport::close_reason;

namespace {

/// More than the kernel buffers for one connection, by far.
constexpr std::size_t beyond_kernel = 30 << 20;
constexpr std::size_t large = 100000;
constexpr int many = beyond_kernel / large;

transport_options settings() {
  transport_options options;
  options.session.ping_interval = 1h;
  options.session.write_timeout = 1h;
  return options;
}

/// What a client got in the end.
struct received {
  std::uint64_t messages = 0;
  int close_code = 0;
};

/// Reads all that comes; throws if frames are mixed up.
received drain(viewer& client) {
  received all;
  while (const auto frame = client.next(5s)) {
    if (frame->what == server_frame::kind::close) {
      all.close_code = frame->code;
      client.send_frame(0x88, "\x03\xf0");
      break;
    }
    if (frame->what == server_frame::kind::text && frame->text != ping_text)
      ++all.messages;
  }
  return all;
}

using std::chrono::steady_clock;

/// Reads what is there about every `pause`, for `time`. Returns the longest
/// time between two reads: a busy machine may have stopped the test.
steady_clock::duration read_steadily(viewer& client,
                                     steady_clock::duration pause,
                                     steady_clock::duration time) {
  const auto end = steady_clock::now() + time;
  steady_clock::duration longest{};
  for (auto last = steady_clock::now(); last < end;) {
    eventually(pause, [] { return false; });
    client.connection().receive(last + pause);
    longest = std::max(longest, steady_clock::now() - last);
    last = steady_clock::now();
  }
  return longest;
}

/// `count` messages in one block.
transport::frame_ptr block_of(int count, std::size_t payload) {
  auto block = std::make_shared<transport::frame_block>();
  for (int i = 0; i < count; ++i)
    transport::append_status_frame(block->bytes, std::string(payload, 'x'));
  block->messages = static_cast<std::uint32_t>(count);
  return block;
}

}  // namespace

CAF_TEST(a_reader_with_too_many_bytes_waiting_is_closed_with_1008) {
  auto options = settings();
  options.session.outbox_limit = 200000;
  transport_server server(options);
  viewer slow(server.port(), "run:slow");
  CAF_REQUIRE(slow.live());
  const auto block = block_of(7, 9000);
  std::uint64_t delivered = 0;
  const auto& counters = server.session_counters();
  while (counters.write_errors.value() == 0 && delivered < 100000) {
    server.deliver(block);
    delivered += block->messages;
  }
  server.publish("into the closing session");
  ++delivered;
  const auto got = drain(slow);
  CAF_CHECK_EQUAL(got.close_code, 1008);
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::slow_consumer);
  CAF_CHECK_EQUAL(report.messages_sent, got.messages);
  CAF_CHECK_EQUAL(report.messages_sent + report.messages_discarded, delivered);
  CAF_CHECK_EQUAL(counters.outbox_bytes.value(), 0);
  CAF_CHECK_EQUAL(counters.messages_forwarded.value(),
                  static_cast<std::int64_t>(got.messages));
}

CAF_TEST(a_reader_with_bytes_waiting_too_long_is_closed_with_1008) {
  auto options = settings();
  options.session.write_timeout = 100ms;
  options.session.outbox_limit = 100 << 20;
  transport_server server(options);
  viewer slow(server.port(), "run:slow");
  CAF_REQUIRE(slow.live());
  server.deliver(block_of(many, large));
  CAF_CHECK(eventually(patience, [&] {
    return server.session_counters().write_errors.value() == 1;
  }));
  const auto got = drain(slow);
  CAF_CHECK_EQUAL(got.close_code, 1008);
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::slow_consumer);
  CAF_CHECK_EQUAL(report.messages_sent, got.messages);
  CAF_CHECK_EQUAL(report.messages_sent + report.messages_discarded,
                  static_cast<std::uint64_t>(many));
}

CAF_TEST(a_reader_that_takes_bytes_steadily_is_not_closed) {
  auto options = settings();
  options.session.write_timeout = 1s;
  // So slow that the kernel reports room in the socket less often than that.
  constexpr auto pause = 350ms;
  const std::string payload(8 << 20, 'x');
  for (int trial = 0; trial < 5; ++trial) {
    transport_server server(options);
    viewer steady(server.port(), "run:steady", {.receive_buffer = 32768});
    CAF_REQUIRE(steady.live());
    server.publish(payload);
    server.publish("next");
    if (read_steadily(steady, pause, 4s) > 2 * pause) continue;
    CAF_CHECK(steady.next_message(20s) == status_text(payload));
    CAF_CHECK_EQUAL(steady.next_message(), status_text("next"));
    CAF_CHECK_EQUAL(server.session_counters().write_errors.value(), 0);
    return;
  }
  CAF_FAIL("the machine is too busy to read steadily");
}

CAF_TEST(a_reader_that_stops_in_the_middle_is_closed_with_1008) {
  auto options = settings();
  options.session.write_timeout = 300ms;
  transport_server server(options);
  viewer client(server.port(), "run:stops", {.receive_buffer = 32768});
  CAF_REQUIRE(client.live());
  const auto before = server.session_counters().bytes_sent.value();
  server.publish(std::string(16 << 20, 'x'));
  while (client.connection().buffer().size() < 2 << 20)
    CAF_REQUIRE(client.connection().receive(steady_clock::now() + patience));
  CAF_CHECK(server.session_counters().bytes_sent.value() >= before + (2 << 20));
  CAF_CHECK(server.closed().reason == close_reason::slow_consumer);
}

CAF_TEST(a_client_that_takes_one_message_steadily_is_not_idle) {
  auto options = settings();
  options.session.ping_interval = 50ms;
  options.session.pong_timeout = 200ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel", {.receive_buffer = 32768});
  const std::string payload(8 << 20, 'x');
  server.publish(payload);
  client.send_text(R"({"type":"pong"})");  // answers any ping before it
  // The pings wait behind the message: their answers cannot be due.
  read_steadily(client, 50ms, 600ms);
  CAF_CHECK(server.reports().empty());
  CAF_CHECK(client.next_message(20s) == status_text(payload));
  // Now they are out.
  CAF_CHECK_EQUAL(client.close_code(), 1008);
  CAF_CHECK(server.closed().reason == close_reason::idle);
}

CAF_TEST(a_slow_reader_never_delays_another) {
  auto options = settings();
  options.session.outbox_limit = 64 << 20;
  transport_server server(options);
  viewer slow(server.port(), "run:slow");
  viewer quick(server.port(), "run:quick");
  CAF_REQUIRE(slow.live() && quick.live());
  const std::string payload(large, 'p');
  for (int i = 0; i < many; ++i) {
    server.publish(payload);
    CAF_REQUIRE(quick.next_message(5s) == status_text(payload));
  }
  CAF_CHECK(server.session_counters().outbox_bytes.value() > 0);
  CAF_CHECK_EQUAL(server.sessions(), 2u);
}

CAF_TEST(blocks_of_one_turn_arrive_and_leave_nothing_to_wait_for) {
  auto options = settings();
  options.session.total_outbox_limit = 64 << 20;
  options.session.ping_interval = 200ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  server.deliver({status_block("one"), status_block("two")});
  CAF_CHECK_EQUAL(client.next_message(), status_text("one"));
  CAF_CHECK_EQUAL(client.next_message(), status_text("two"));
  CAF_CHECK_EQUAL(server.holders(), 0u);
  // A thread that is told of a writable socket again and again never rests.
  const auto start = std::chrono::steady_clock::now();
  const auto before = server.session_time();
  while (std::chrono::steady_clock::now() < start + 200ms)
    CAF_REQUIRE(client.next());
  const auto passed = std::chrono::steady_clock::now() - start;
  CAF_CHECK_LESS(server.session_time() - before, passed / 4);
}

CAF_TEST(a_message_of_any_size_reaches_a_client_that_reads) {
  auto options = settings();
  options.session.outbox_limit = 1 << 20;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  const std::string huge(beyond_kernel, 'x');
  server.publish(huge);
  server.publish("next");
  CAF_CHECK(client.next_message(20s) == status_text(huge));
  CAF_CHECK_EQUAL(client.next_message(), status_text("next"));
  CAF_CHECK_EQUAL(server.session_counters().write_errors.value(), 0);
}

CAF_TEST(a_large_block_leaves_in_parts) {
  transport_server server(settings());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  const auto& counters = server.session_counters();
  const auto bytes = counters.bytes_sent.value();
  const auto calls = counters.send_calls.value();
  const std::string huge(beyond_kernel, 'x');
  server.enqueue({status_block(huge)});
  server.publish("next");
  CAF_CHECK(client.next_message(20s) == status_text(huge));
  CAF_CHECK_EQUAL(client.next_message(), status_text("next"));
  const auto sent = counters.bytes_sent.value() - bytes;
  CAF_CHECK(sent > static_cast<std::int64_t>(beyond_kernel));
  const auto most =
      static_cast<std::int64_t>(transport::session_writer::most_in_a_turn);
  CAF_CHECK(sent <= (counters.send_calls.value() - calls) * most);
}

CAF_TEST(a_reader_whose_turn_has_not_come_yet_is_not_slow) {
  auto options = settings();
  options.session.outbox_limit = 150000;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  const auto first = block_of(1, 1000);
  const auto more = block_of(1, large);
  server.enqueue({first, more, more, more, more});
  CAF_CHECK_EQUAL(server.session_counters().write_errors.value(), 0);
  for (int i = 0; i < 5; ++i)
    CAF_CHECK(client.next_message().size() > 1000);
}

CAF_TEST(a_reader_that_catches_up_loses_nothing) {
  auto options = settings();
  options.session.outbox_limit = 64 << 20;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  for (int i = 0; i < many; ++i)
    server.publish(std::to_string(i) + std::string(large, '.'));
  int in_order = 0;
  while (in_order < many &&
         client.next_message() ==
             status_text(std::to_string(in_order) + std::string(large, '.')))
    ++in_order;
  CAF_CHECK_EQUAL(in_order, many);
  CAF_CHECK(eventually(patience, [&] {
    return server.session_counters().outbox_bytes.value() == 0;
  }));
}

CAF_TEST(pongs_and_pings_never_land_inside_a_frame) {
  auto options = settings();
  options.session.outbox_limit = 64 << 20;
  options.session.ping_interval = 10ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  constexpr int rounds = many;
  const std::string payload(large, 'p');
  int pongs = 0;
  int messages = 0;
  const auto take = [&] {
    const auto frame = client.next();
    CAF_REQUIRE(frame);
    if (frame->what == server_frame::kind::pong) {
      CAF_REQUIRE_EQUAL(frame->text, std::to_string(pongs));
      ++pongs;
    } else if (frame->what == server_frame::kind::text &&
               frame->text != ping_text) {
      CAF_REQUIRE(frame->text == status_text(payload));
      ++messages;
    }
  };
  for (int i = 0; i < rounds; ++i) {
    server.publish(payload);
    client.send_frame(0x89, std::to_string(i));
    if (i % 4 == 3) take();
  }
  while (pongs < rounds || messages < rounds)
    take();
  CAF_CHECK_EQUAL(pongs, rounds);
  CAF_CHECK_EQUAL(messages, rounds);
}

CAF_TEST(a_client_that_pings_and_never_reads_is_bounded) {
  auto options = settings();
  options.session.outbox_limit = 100000;
  options.session.close_timeout = 100ms;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  std::string pings;
  for (int i = 0; i < 1000; ++i)
    pings += std::string("\x89\xfd\0\0\0\0", 6) + std::string(125, 'p');
  for (int i = 0; i < 1000 && server.reports().empty(); ++i)
    client.connection().send(pings);
  CAF_CHECK(server.closed().reason == close_reason::slow_consumer);
  CAF_CHECK_EQUAL(server.session_counters().outbox_bytes.value(), 0);
}

CAF_TEST(what_a_lost_client_did_not_get_is_counted_as_discarded) {
  auto options = settings();
  options.session.outbox_limit = 64 << 20;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  std::uint64_t delivered = 0;
  for (; delivered < many; delivered += 3)
    server.deliver(block_of(3, large));
  client.connection().reset();
  const auto report = server.closed();
  CAF_CHECK(report.reason == close_reason::connection_lost);
  CAF_CHECK(report.messages_discarded > 0);
  CAF_CHECK_EQUAL(report.messages_sent + report.messages_discarded, delivered);
  CAF_CHECK_EQUAL(server.session_counters().outbox_bytes.value(), 0);
}

CAF_TEST(a_close_goes_behind_what_waits) {
  auto options = settings();
  options.session.outbox_limit = 64 << 20;
  transport_server server(options);
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  server.deliver(block_of(many, large));
  server.close_all(close_reason::shutdown);
  const auto got = drain(client);
  CAF_CHECK_EQUAL(got.messages, static_cast<std::uint64_t>(many));
  CAF_CHECK_EQUAL(got.close_code, 1001);
  CAF_CHECK_EQUAL(server.closed().messages_sent, got.messages);
}
