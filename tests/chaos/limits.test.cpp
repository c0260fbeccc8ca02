// Limits refuse clearly, count what they refuse, and let everybody else be.
#include "tests/support/chaos_stage.hpp"
#include "tests/support/crowd.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

/// The answer to a handshake that is refused.
http_response refused(stage& s, std::string_view path,
                      const std::string& headers = {}) {
  return request(s.broker.port(), "GET", path,
                 std::string(upgrade_headers) + headers);
}

}  // namespace

CAF_TEST(more_clients_from_one_address_than_its_limit_are_503) {
  stage s(environment{{"STATUS_MAX_CONNECTIONS_PER_IP", "2"},
                      {"STATUS_TRUSTED_PROXIES", "127.0.0.0/8"}});
  const viewer_options alice{"X-Forwarded-For: 203.0.113.1\r\n"};
  auto first = s.broker.view("lim:ip", alice);
  {
    auto second = s.broker.view("lim:ip", alice);
    const auto third = refused(s, "/lim:ip", alice.headers);
    CAF_CHECK_EQUAL(third.status, 503u);
    CAF_CHECK(third.header("retry-after"));
    CAF_CHECK_EQUAL(third.body, "too many connections from this address\n");
    // Somebody else behind the same proxy is not concerned.
    auto other = s.broker.view("lim:ip", {"X-Forwarded-For: 203.0.113.2\r\n"});
    CAF_CHECK(other.live());
    // A line that the client made up, and that of the proxy behind it.
    CAF_CHECK_EQUAL(refused(s, "/lim:ip",
                            "X-Forwarded-For: 198.51.100.9\r\n" +
                                std::string(alice.headers))
                        .status,
                    503u);
  }
  CAF_CHECK(s.broker.metric_becomes("status2_connections_active", 1));
  auto again = s.broker.view("lim:ip", alice);
  CAF_CHECK(again.live());
  CAF_CHECK_EQUAL(
      s.broker.value(R"(status2_clients_refused_total{reason="address"})"),
      2.0);
  CAF_CHECK(s.broker.logs("client refused"));
}

CAF_TEST(one_channel_too_many_is_503_and_there_is_room_after_the_linger) {
  stage s(environment{{"STATUS_MAX_CHANNELS", "2"},
                      {"STATUS_CHANNEL_LINGER", "100ms"}});
  auto first = s.view("lim:one");
  {
    auto second = s.view("lim:two");
    CAF_CHECK(second.live());
    const auto third = refused(s, "/lim:three");
    CAF_CHECK_EQUAL(third.status, 503u);
    CAF_CHECK(third.header("retry-after"));
    CAF_CHECK_EQUAL(third.body, "too many channels\n");
    auto same = s.view("lim:one");
    CAF_CHECK(same.live());
  }
  CAF_CHECK(s.broker.metric_becomes("status2_channels_active", 1));
  auto third = s.view("lim:three");
  CAF_CHECK(third.live());
  CAF_CHECK_EQUAL(
      s.broker.value(R"(status2_clients_refused_total{reason="channels"})"),
      1.0);
  CAF_CHECK(s.broker.logs("channel refused"));
}

CAF_TEST(a_client_that_says_too_much_is_closed_with_1008) {
  stage s(environment{{"STATUS_CLIENT_MESSAGE_RATE", "10"},
                      {"STATUS_CLIENT_MESSAGE_BURST", "20"}});
  auto polite = s.view("lim:rate");
  auto flood = s.view("lim:rate");
  for (int i = 0; i < 50; ++i)
    flood.send_text(R"({"type":"pong"})");
  CAF_CHECK_EQUAL(flood.close_code(), 1008);
  CAF_CHECK(s.broker.metric_becomes(
      R"(status2_sessions_closed_total{reason="message_rate"})", 1));
  CAF_CHECK(polite.live());
}

CAF_TEST(under_the_limit_of_all_outboxes_the_largest_goes_first) {
  stage s(environment{{"STATUS_OUTBOX_BYTES", "1024MB"},
                      {"STATUS_OUTBOX_TOTAL_BYTES", "16MB"},
                      {"STATUS_WRITE_TIMEOUT", "1h"},
                      {"STATUS_IO_THREADS", "1"}});
  auto large = s.view("lim:large");
  auto small = s.view("lim:small");
  auto reader = s.view("lim:small");
  CAF_REQUIRE(large.live());
  CAF_REQUIRE(small.live());
  CAF_REQUIRE(reader.live());
  const std::string block(1 << 20, 'x');
  // What the kernel's buffers take is not the broker's.
  for (int i = 0; i < 6; ++i) {
    s.redis.publish("lim:small", block);
    CAF_CHECK_EQUAL(reader.next_message(), status_text(block));
  }
  for (int i = 0; i < 32; ++i)
    s.redis.publish("lim:large", block);
  CAF_CHECK(s.broker.metric_becomes("status2_write_errors_total", 1, 30s));
  CAF_CHECK_EQUAL(large.close_code(), 1008);
  CAF_CHECK(s.broker.metric_becomes(
      R"(status2_sessions_closed_total{reason="memory_limit"})", 1));
  CAF_REQUIRE(s.broker.logs("client dropped by server"));
  const auto line = s.broker.logged("client dropped by server")[0];
  CAF_CHECK_EQUAL(text_of(line, "level"), "WARN");
  CAF_CHECK_EQUAL(text_of(line, "reason"), "memory_limit");
  s.redis.publish("lim:small", "still here");
  CAF_CHECK_EQUAL(reader.next_message(), status_text("still here"));
  for (int i = 0; i < 6; ++i)
    CAF_CHECK_EQUAL(small.next_message(), status_text(block));
  CAF_CHECK_EQUAL(small.next_message(), status_text("still here"));
}

CAF_TEST(a_large_message_that_many_wait_for_takes_its_memory_once) {
  constexpr std::size_t clients = 12;
  stage s(environment{{"STATUS_OUTBOX_TOTAL_BYTES", "32MB"},
                      {"STATUS_WRITE_TIMEOUT", "1h"}});
  std::vector<viewer> slow;
  for (std::size_t i = 0; i < clients; ++i) {
    slow.push_back(s.view("lim:huge"));
    CAF_REQUIRE(slow.back().live());
  }
  // More than the kernel takes for a client, and for all together far beyond
  // the limit.
  const std::string huge(16 << 20, 'x');
  s.redis.publish("lim:huge", huge);
  const auto once = static_cast<double>(huge.size());
  CAF_CHECK(eventually(
      20s, [&] { return s.broker.value("status2_outbox_bytes") > 3 * once; }));
  const auto memory = s.broker.value("status2_outbox_memory_bytes");
  CAF_CHECK(memory >= once && memory < 1.01 * once);
  for (auto& client : slow)
    CAF_CHECK(client.next_message(20s) == status_text(huge));
  CAF_CHECK(s.broker.metric_becomes("status2_outbox_memory_bytes", 0));
  CAF_CHECK_EQUAL(s.broker.value("status2_write_errors_total"), 0.0);
}

CAF_TEST(a_slow_reader_that_asked_is_told_what_it_missed_before_the_close) {
  stage s(environment{{"STATUS_OUTBOX_BYTES", "64KB"}});
  auto slow = s.view("/lim:slow?gap=1");
  CAF_REQUIRE(slow.live());
  for (int i = 0; i < 64; ++i)
    s.redis.publish("lim:slow", std::string(1 << 18, 'x'));
  CAF_REQUIRE(s.broker.metric_becomes("status2_write_errors_total", 1, 30s));
  std::string last;
  while (const auto frame = slow.next()) {
    if (frame->what == server_frame::kind::close) {
      CAF_CHECK_EQUAL(frame->code, 1008);
      break;
    }
    last = frame->text;
  }
  CAF_CHECK(last.starts_with(R"({"type":"gap")"));
  CAF_CHECK(last.ends_with(R"("cause":"slow"})"));
}

CAF_TEST(handshakes_are_admitted_at_their_rate_and_health_does_not_wait) {
  stage s(environment{{"STATUS_ACCEPT_RATE", "100"}});
  const auto start = std::chrono::steady_clock::now();
  crowd people({s.broker.port(), {"lim:herd"}, 150});
  CAF_CHECK(eventually(patience, [&] {
    return s.broker.value("status2_handshakes_waiting") > 50;
  }));
  CAF_CHECK_EQUAL(s.broker.get("/health").status, 200u);
  CAF_CHECK(eventually(patience, [&] { return people.live() == 150; }));
  CAF_CHECK(std::chrono::steady_clock::now() - start >= 1s);
  CAF_CHECK_EQUAL(s.broker.value("status2_handshakes_waiting"), 0.0);
}

CAF_TEST(a_herd_of_clients_that_all_come_back_at_once_is_served) {
  constexpr std::size_t herd = 9000;
  stage s(environment{{"STATUS_LOG_LEVEL", "warn"}});
  std::vector<std::string> channels;
  channels.reserve(500);
  for (int i = 0; i < 500; ++i)
    channels.push_back("herd:c" + std::to_string(i));
  crowd people({s.broker.port(), channels, herd});
  CAF_REQUIRE(eventually(120s, [&] { return people.live() == herd; }));
  people.drop_all();
  CAF_CHECK(eventually(patience, [&] { return people.live() < herd; }));
  CAF_CHECK(eventually(120s, [&] { return people.live() == herd; }));
  numbered_producer producer(s.redis.port(), channels);
  for (std::size_t i = 0; i < channels.size(); ++i)
    CAF_CHECK(producer.publish());
  CAF_CHECK(eventually(30s, [&] { return people.received() == herd; }));
  const auto report = people.judge(producer.published());
  CAF_CHECK_EQUAL(report.refused, 0u);
  CAF_CHECK_EQUAL(report.lost_untold, 0u);
  CAF_CHECK_EQUAL(report.closes.at(0), herd);
}

CAF_TEST(a_drain_spreads_its_closes_over_its_window) {
  stage s(environment{{"STATUS_DRAIN_WINDOW", "5s"}});
  auto viewers = live_viewers(s.broker, "lim:drain", 40);
  s.broker.child().signal(SIGTERM);
  CAF_REQUIRE(eventually(patience,
                         [&] { return s.broker.get("/ready").status == 503; }));
  const auto start = std::chrono::steady_clock::now();
  CAF_CHECK_EQUAL(refused(s, "/lim:drain").status, 503u);
  // Nobody is to be woken for a rolling restart.
  CAF_CHECK_EQUAL(
      s.broker.value(R"(status2_clients_refused_total{reason="drain"})"), 1.0);
  CAF_CHECK_EQUAL(
      s.broker.value(R"(status2_clients_refused_total{reason="connections"})"),
      0.0);
  // Who is not closed yet is served on.
  s.redis.publish("lim:drain", "meanwhile");
  std::size_t served = 0;
  for (auto& each : viewers) {
    std::optional<server_frame> frame = each.next();
    if (frame && frame->text == status_text("meanwhile")) {
      ++served;
      frame = each.next();
    }
    CAF_REQUIRE(frame.has_value());
    CAF_CHECK_EQUAL(frame->code, 1001);
  }
  CAF_CHECK(served > 20);
  CAF_CHECK(s.broker.child().wait(patience) == 0);
  CAF_CHECK(std::chrono::steady_clock::now() - start >= 4s);
}

CAF_TEST(a_second_sigterm_ends_a_long_drain_now) {
  stage s(environment{{"STATUS_DRAIN_WINDOW", "1h"}});
  auto viewers = live_viewers(s.broker, "lim:now", 3);
  s.broker.child().signal(SIGTERM);
  CAF_REQUIRE(eventually(patience,
                         [&] { return s.broker.get("/ready").status == 503; }));
  s.broker.child().signal(SIGTERM);
  CAF_CHECK(s.broker.child().wait(patience) == 128 + SIGTERM);
}

CAF_TEST(sigterm_under_full_load_closes_everybody_in_order) {
  chaos_stage s;
  const std::vector<std::string> channels{"term:a", "term:b"};
  crowd people({s.broker.port(), channels, 200, 1h});
  CAF_REQUIRE(eventually(30s, [&] { return people.live() == 200; }));
  numbered_producer producer(s.redis.port(), channels);
  bool asked = false;
  const auto start = std::chrono::steady_clock::now();
  producer.publish_until(start + 3s, 1000, [&] {
    if (!asked && std::chrono::steady_clock::now() - start > 1s) {
      asked = true;
      s.broker.child().signal(SIGTERM);
    }
  });
  CAF_CHECK(s.broker.child().wait(patience) == 0);
  const auto report = people.judge(producer.published());
  CAF_CHECK_EQUAL(report.closes.at(1001), 200u);
  CAF_CHECK_EQUAL(report.duplicated, 0u);
  CAF_CHECK_EQUAL(report.reordered, 0u);
  CAF_CHECK_EQUAL(report.lost_untold, 0u);
}
