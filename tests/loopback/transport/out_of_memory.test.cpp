// Allocations that fail on the thread of a listener or of sessions. Requests on
// the way are in http_connection.test.cpp.
#include "tests/support/eventually.hpp"
#include "tests/support/failing_new.hpp"
#include "tests/support/listener_requests.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"
#include "transport/admission.hpp"

#include <caf/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using transport::close_reason;

namespace {

constexpr std::size_t all = SIZE_MAX;
const std::string long_ping(100, 'p');

transport_options without_heartbeat() {
  transport_options options;
  options.session.ping_interval = 1h;
  return options;
}

std::size_t succeed_again(transport_server& server) {
  std::size_t failed = 0;
  server.on_sessions([&] { failed = end_failures(); });
  return failed;
}

/// Deliveries that were neither sent nor discarded nor wait.
std::int64_t imbalance(const transport::io_counters& counters) {
  std::int64_t discarded = 0;
  for (const auto& one : counters.messages_discarded)
    discarded += one.value();
  return counters.deliveries_due.value() - counters.messages_forwarded.value() -
         discarded - counters.messages_waiting.value();
}

}  // namespace

CAF_TEST(a_session_without_memory_is_closed_with_1011_and_no_other_is) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  viewer other(server.port(), "run:channel");
  CAF_REQUIRE(client.live() && other.live());
  server.on_sessions([] { fail_allocations(0); });
  client.send_frame(0x89, long_ping);
  const auto last = client.next();
  CAF_REQUIRE(last);
  CAF_CHECK_EQUAL(last->code, 1011);
  CAF_CHECK_EQUAL(last->text, "out of memory");
  client.send_frame(0x88, "\x03\xf3");
  CAF_CHECK(server.closed().reason == close_reason::out_of_memory);
  CAF_CHECK_EQUAL(succeed_again(server), 1u);
  server.publish("still here");
  CAF_CHECK_EQUAL(other.next_message(), status_text("still here"));
}

CAF_TEST(without_memory_for_a_close_frame_the_session_ends_at_once) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  server.on_sessions([] { fail_allocations(0, all); });
  client.send_frame(0x89, long_ping);
  CAF_CHECK_EQUAL(client.close_code(), 0);
  CAF_CHECK(client.ended());
  CAF_CHECK(succeed_again(server) > 1);
  CAF_CHECK(server.closed().reason == close_reason::out_of_memory);
}

CAF_TEST(a_report_for_which_there_is_no_memory_comes_later) {
  transport_server server(without_heartbeat());
  viewer client(server.port(), "run:channel");
  CAF_REQUIRE(client.live());
  server.break_reports(2);
  client.send_frame(0x88, "\x03\xe8");
  CAF_CHECK_EQUAL(client.close_code(), 1000);
  CAF_CHECK(server.closed().reason == close_reason::client_closed);
  CAF_CHECK_EQUAL(server.reports().size(), 1u);
}

CAF_TEST(whichever_allocation_of_a_delivery_fails_the_counts_are_right) {
  constexpr std::size_t large = 8388608;
  std::size_t failed = 1;
  for (std::size_t allowed = 0; failed > 0; ++allowed) {
    auto options = without_heartbeat();
    options.session.outbox_limit = 16 * large;
    options.session.total_outbox_limit = 64 * large;
    transport_server server(options);
    viewer client(server.port(), "run:channel", {.receive_buffer = 4096});
    CAF_REQUIRE(client.live());
    const auto block = status_block(std::string(large, 'x'));
    server.on_sessions([&] { fail_allocations(allowed); });
    // The first is sent in part, the others wait.
    for (int i = 0; i < 3; ++i)
      server.deliver(block);
    failed = succeed_again(server);
    CAF_MESSAGE("allowed: " << allowed << ", failed: " << failed);
    server.drop_all();
    client.connection().close();
    const auto& counters = server.session_counters();
    CAF_CHECK(eventually(
        patience, [&] { return counters.connections_active.value() == 0; }));
    CAF_CHECK_EQUAL(imbalance(counters), 0);
    CAF_CHECK_EQUAL(counters.messages_waiting.value(), 0);
    CAF_CHECK_EQUAL(counters.outbox_bytes.value(), 0);
    CAF_CHECK_EQUAL(block->outboxes.load(), 0u);
    const auto reason = static_cast<std::size_t>(close_reason::out_of_memory);
    if (allowed == 0)
      CAF_CHECK_EQUAL(counters.sessions_closed[reason].value(), 1);
  }
}

CAF_TEST(a_connection_without_memory_is_dropped_and_the_next_is_served) {
  transport_server server;
  server.on_listener([] { fail_allocations(0); });
  tcp_client dropped(server.port());
  CAF_CHECK(ended(dropped));
  CAF_CHECK_EQUAL(asked(server, "GET", "/health").status, 200u);
  CAF_REQUIRE_EQUAL(server.accept_errors().size(), 1u);
  CAF_CHECK(server.accept_errors().front() ==
            boost::system::errc::not_enough_memory);
}

CAF_TEST(a_place_for_which_there_is_no_memory_is_free_again) {
  transport::admission places({1, 1});
  const auto who = boost::asio::ip::make_address("10.0.0.1");
  std::size_t failed = 1;
  for (std::size_t allowed = 0; failed > 0; ++allowed) {
    transport::admission_result result;
    fail_allocations(allowed);
    try {
      result = places.enter(who);
    } catch (const std::bad_alloc&) {
    }
    failed = end_failures();
    CAF_CHECK_EQUAL(places.inside(), failed > 0 ? 0u : 1u);
    CAF_CHECK_EQUAL(result.place == nullptr, failed > 0);
  }
}
