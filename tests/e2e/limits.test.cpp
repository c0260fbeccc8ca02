// What happens when something runs out, or a reader does not keep up.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

CAF_TEST(connections_that_ask_for_nothing_keep_out_neither_viewers_nor_redis) {
  redis_server redis;
  broker_process broker(redis, {.descriptors = 160});
  auto viewers = live_viewers(broker, "run:fds", 5);
  // More than there are descriptors.
  std::vector<tcp_client> idle;
  idle.reserve(200);
  for (int i = 0; i < 200; ++i)
    idle.emplace_back(broker.port());
  CAF_REQUIRE(eventually(patience, [&] {
    return broker.value("status2_connections_accepted_total") >= 205;
  }));
  CAF_CHECK(broker.value("status2_requests_crowded_out_total") >= 100);
  CAF_CHECK_EQUAL(broker.value("status2_accept_errors_total"), 0.0);
  redis.kill_pubsub_clients();
  CAF_REQUIRE(
      eventually(patience, [&] { return redis.subscribers("run:fds") == 1; }));
  auto fresh = broker.view("run:fds");
  CAF_CHECK(fresh.live());
  redis.publish("run:fds", "for the new one too");
  CAF_CHECK_EQUAL(fresh.next_message(), status_text("for the new one too"));
  CAF_CHECK_EQUAL(receivers(viewers, "for the new one too"), viewers.size());
}

CAF_TEST(the_limit_of_clients_fits_the_descriptors) {
  redis_server redis;
  broker_process broker(redis, {.descriptors = 180});
  auto first = broker.view("run:fit");
  std::vector<tcp_client> accepted;
  unsigned status = 101;
  // More than there can be: the rest is refused, not left hanging.
  while (status == 101 && accepted.size() < 100) {
    tcp_client connection(broker.port());
    connection.send("GET /run:fit HTTP/1.1\r\nHost: localhost\r\n" +
                    std::string(upgrade_headers) + "\r\n");
    status = read_response(connection, false).status;
    if (status == 101) accepted.push_back(std::move(connection));
  }
  CAF_CHECK_EQUAL(status, 503u);
  CAF_CHECK(accepted.size() > 20);
  CAF_CHECK_EQUAL(broker.value("status2_connections_limit"),
                  static_cast<double>(accepted.size() + 1));
  CAF_CHECK_EQUAL(broker.get("/health").status, 200u);
  CAF_CHECK(first.live());
}

CAF_TEST(a_slow_reader_is_closed_and_slows_nobody) {
  stage s(environment{{"STATUS_OUTBOX_BYTES", "256KB"}});
  auto fast = s.view("run:slow");
  auto slow = s.broker.view("run:slow", {.receive_buffer = 4096});
  CAF_REQUIRE(fast.live());
  CAF_REQUIRE(slow.live());
  const std::string filler(20000, 's');
  int sent = 0;
  CAF_CHECK(eventually(30s, [&] {
    const auto text = std::to_string(sent++) + filler;
    s.redis.publish("run:slow", text);
    CAF_REQUIRE(fast.next_message() == status_text(text));
    return s.broker.metric(
               R"(status2_sessions_closed_total{reason="slow_consumer"})") == 1;
  }));
  CAF_CHECK(s.broker.logs("slow consumer closed"));
  CAF_CHECK(s.broker.metric("status2_write_errors_total").value_or(0) >= 1);
  CAF_CHECK(s.broker.metric_becomes("status2_connections_active", 1));
  s.redis.publish("run:slow", "and on it goes");
  CAF_CHECK_EQUAL(fast.next_message(), status_text("and on it goes"));
}

CAF_TEST(a_reader_that_stops_is_closed_after_the_write_timeout) {
  stage s(environment{{"STATUS_WRITE_TIMEOUT", "300ms"},
                      {"STATUS_OUTBOX_BYTES", "64MB"}});
  auto stuck = s.broker.view("run:stuck", {.receive_buffer = 4096});
  CAF_REQUIRE(stuck.live());
  s.redis.publish("run:stuck", std::string(16UL * 1024 * 1024, 's'));
  CAF_CHECK(s.broker.metric_becomes(
      R"(status2_sessions_closed_total{reason="slow_consumer"})", 1));
  CAF_CHECK(s.broker.metric_becomes("status2_outbox_bytes", 0));
}

CAF_TEST(a_request_that_never_ends_is_closed) {
  stage s(environment{{"STATUS_HANDSHAKE_TIMEOUT", "300ms"}});
  tcp_client slow(s.broker.port());
  slow.send("GET /run:slow HTTP/1.1\r\n");
  CAF_CHECK(eventually(patience, [&] {
    slow.send("X: y\r\n");
    slow.receive(std::chrono::steady_clock::now() + 20ms);
    return slow.closed();
  }));
}

CAF_TEST(a_message_above_the_limit_is_dropped_and_told_and_costs_no_memory) {
  stage s(environment{{"STATUS_MAX_PAYLOAD", "1MB"}});
  constexpr std::size_t megabyte = 1 << 20;
  constexpr std::size_t size = 128 * megabyte;
  // Redis itself would close a link that 32 MB wait for.
  s.redis.config_set("client-output-buffer-limit", "pubsub 0 0 0");
  auto told = s.view("/run:big?gap=1");
  auto other = s.view("run:big");
  CAF_REQUIRE(told.live() && other.live());
  const std::string fits(megabyte, 'f');
  s.redis.publish("run:big", fits);
  CAF_CHECK(told.next_message() == status_text(fits));
  CAF_CHECK(other.next_message() == status_text(fits));
  const auto before = s.broker.child().resident_bytes();
  s.redis.publish("run:big", std::string(size, 'x'));
  s.redis.publish("run:big", "next");
  const auto gap = told.next_message();
  CAF_CHECK(gap.starts_with(R"({"type":"gap","since":")"));
  CAF_CHECK(gap.ends_with(R"("cause":"too_large"})"));
  CAF_CHECK_EQUAL(told.next_message(), status_text("next"));
  CAF_CHECK_EQUAL(other.next_message(), status_text("next"));
  CAF_CHECK(s.broker.child().resident_bytes() < before + size / 8);
  CAF_CHECK_EQUAL(s.broker.value("status2_messages_too_large_total"), 1.0);
  CAF_CHECK_EQUAL(s.broker.value("status2_redis_reconnects_total"), 0.0);
  const auto lines = s.broker.logged("message too large");
  CAF_REQUIRE_EQUAL(lines.size(), 1u);
  CAF_CHECK_EQUAL(text_of(lines[0], "run_id"), "run");
  CAF_CHECK_EQUAL(text_of(lines[0], "channel"), "big");
  CAF_CHECK_EQUAL(lines[0].at("bytes").as_int64(),
                  static_cast<std::int64_t>(size));
}
