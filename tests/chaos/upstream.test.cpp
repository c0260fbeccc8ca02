// Redis does its worst: clients stay, and what is lost is told.
#include "tests/support/chaos_stage.hpp"
#include "tests/support/crowd.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fault_gate.hpp"
#include "tests/support/stage.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <caf/test/unit_test.hpp>

#include <csignal>
#include <string>
#include <unistd.h>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t people_count = 100;
const std::vector<std::string> channels{"up:a", "up:b", "up:c", "up:d"};

/// A broker whose only way to Redis leads through a gate.
struct gated {
  gated()
      : gate(redis.port()),
        broker(redis, {.variables = {
                           {"STATUS_REDIS_URL",
                            "redis://127.0.0.1:" + std::to_string(gate.port())},
                           {"STATUS_REDIS_REQUEST_TIMEOUT", "300ms"},
                           {"STATUS_REDIS_RETRY_BASE", "50ms"},
                           {"STATUS_REDIS_RETRY_MAX", "100ms"}}}) {}
  redis_server redis;
  fault_gate gate;
  broker_process broker;
};

/// Publishes at a steady rate while `during` happens in steps, then judges:
/// nobody closed, nothing twice, nothing out of order, all losses told.
template <class Port, class During>
crowd_report run_under_load(Port& redis, broker_process& broker,
                            std::chrono::seconds length, During during) {
  crowd people({broker.port(), channels, people_count});
  CAF_REQUIRE(eventually(30s, [&] { return people.live() == people_count; }));
  numbered_producer producer(redis.port(), channels);
  const auto start = std::chrono::steady_clock::now();
  producer.publish_until(start + length, 100, [&] {
    during(std::chrono::steady_clock::now() - start);
  });
  // Recovery: one more round reaches everybody.
  CAF_CHECK(eventually(30s, [&] {
    return broker.value("status2_channels_subscribed") ==
           static_cast<double>(channels.size());
  }));
  CAF_CHECK(people.settles());
  const auto before = people.received();
  for (std::size_t i = 0; i < channels.size(); ++i)
    producer.publish();
  CAF_CHECK(eventually(
      patience, [&] { return people.received() == before + people_count; }));
  CAF_CHECK_EQUAL(people.live(), people_count);
  auto report = people.judge(producer.published());
  CAF_MESSAGE("received " << report.received << ", lost and told "
                          << report.lost_told << ", gaps " << report.gaps);
  CAF_CHECK_EQUAL(report.duplicated, 0u);
  CAF_CHECK_EQUAL(report.reordered, 0u);
  CAF_CHECK_EQUAL(report.lost_untold, 0u);
  CAF_CHECK(report.closes.empty());
  return report;
}

/// Runs `action` once, as soon as `elapsed` reaches `when`.
template <class Action>
void once(bool& done, std::chrono::nanoseconds elapsed,
          std::chrono::nanoseconds when, Action action) {
  if (done || elapsed < when) return;
  done = true;
  action();
}

/// Redis stopped for a while with the settings of production. Publishing goes
/// through a client that does not wait for the answer.
void hang_costs_nothing(std::chrono::seconds length) {
  redis_server redis;
  broker_process broker(redis,
                        {.variables = {{"STATUS_REDIS_RETRY_BASE", "1s"},
                                       {"STATUS_REDIS_RETRY_MAX", "30s"}}});
  crowd people({broker.port(), channels, people_count});
  CAF_REQUIRE(eventually(30s, [&] { return people.live() == people_count; }));
  std::size_t published = 0;
  const auto publish_for = [&](std::chrono::nanoseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    eventually(time, [&] {
      for (const auto& channel : channels)
        redis.client().post(channel, std::to_string(published));
      ++published;
      return std::chrono::steady_clock::now() >= end;
    });
  };
  publish_for(1s);
  redis.freeze();
  publish_for(length);
  CAF_CHECK(!broker.logged("redis link silent").empty());
  redis.thaw();
  publish_for(2s);
  const auto due = published * people_count;
  CAF_CHECK(eventually(30s, [&] { return people.received() >= due; }));
  CAF_CHECK(people.settles());
  CAF_CHECK_EQUAL(people.received(), due);
  const auto report = people.judge({});
  CAF_CHECK_EQUAL(report.duplicated, 0u);
  CAF_CHECK_EQUAL(report.reordered, 0u);
  CAF_CHECK_EQUAL(report.gaps, 0u);
  CAF_CHECK(report.closes.empty());
  CAF_CHECK_EQUAL(broker.value("status2_conservation_imbalance"), 0.0);
}

}  // namespace

CAF_TEST(a_hang_of_ten_seconds_costs_nothing) {
  hang_costs_nothing(10s);
}

CAF_TEST(a_hang_of_forty_seconds_costs_nothing) {
  hang_costs_nothing(40s);
}

CAF_TEST(a_half_open_link_is_replaced_within_two_deadlines_and_told) {
  gated g;
  bool cut = false;
  const auto report = run_under_load(g.redis, g.broker, 6s, [&](auto elapsed) {
    // The first link dies without a FIN; new ones work.
    once(cut, elapsed, 2s, [&] { g.gate.strand(); });
  });
  CAF_CHECK(report.gaps == people_count);
  CAF_CHECK(report.lost_told > 0);
  CAF_CHECK(g.broker.logs("redis link chosen"));
  // Idle at most a deadline, then a PING, then the second link: a hundred
  // messages a second over four channels of 25 viewers each.
  constexpr std::size_t lost_a_second = 100 * people_count / 4;
  CAF_CHECK(report.lost_told < lost_a_second);
}

CAF_TEST(half_a_reply_and_then_silence_is_recovered_from) {
  gated g;
  bool stalled = false;
  bool reset = false;
  run_under_load(g.redis, g.broker, 5s, [&](auto elapsed) {
    once(stalled, elapsed, 1s,
         [&] { g.gate.small_parts(direction::to_client, 7); });
    once(reset, elapsed, 2s, [&] {
      g.gate.stall(direction::to_client);
      g.gate.reset();
      g.gate.pass();
    });
  });
}

CAF_TEST(a_flapping_link_closes_nobody) {
  gated g;
  int flaps = 0;
  const auto report = run_under_load(g.redis, g.broker, 6s, [&](auto elapsed) {
    if (flaps < 10 && elapsed >= (flaps + 1) * 400ms) {
      ++flaps;
      g.gate.reset();
    }
  });
  CAF_CHECK_EQUAL(flaps, 10);
  CAF_CHECK(report.gaps > 0);
}

CAF_TEST(a_redis_gone_and_back_closes_nobody_and_the_outage_is_measured) {
  stage s;
  bool gone = false;
  bool back = false;
  const auto report = run_under_load(s.redis, s.broker, 7s, [&](auto elapsed) {
    once(gone, elapsed, 1s, [&] { s.redis.kill(); });
    once(back, elapsed, 4s, [&] { s.redis.start(); });
  });
  CAF_CHECK(report.gaps == people_count);
  CAF_REQUIRE(s.broker.logs("redis subscribe established", 2));
  const auto line = s.broker.logged("redis subscribe established").back();
  CAF_CHECK(line.at("outage_ms").to_number<int>() >= 2500);
  CAF_CHECK_EQUAL(line.at("channels").to_number<int>(), 4);
  CAF_CHECK_EQUAL(line.at("viewers").to_number<int>(), 100);
  CAF_CHECK(line.contains("resume_worst_ms"));
  CAF_CHECK(line.contains("resume_p95_ms"));
  CAF_CHECK_EQUAL(s.broker.value("status2_resume_acknowledged_seconds_count"),
                  4.0);
  CAF_CHECK_EQUAL(s.broker.value("status2_resume_seconds_count"), 4.0);
  CAF_CHECK(s.broker.get("/ready").body.find(R"("outage_ms":0)") ==
            std::string::npos);
}

CAF_TEST(injected_faults_end_by_themselves) {
  chaos_stage s(environment{{"STATUS_REDIS_REQUEST_TIMEOUT", "300ms"},
                            {"STATUS_REDIS_RETRY_BASE", "50ms"},
                            {"STATUS_REDIS_RETRY_MAX", "100ms"}});
  bool delayed = false;
  bool stalled = false;
  bool dropped = false;
  const auto report = run_under_load(s.redis, s.broker, 8s, [&](auto elapsed) {
    once(delayed, elapsed, 500ms,
         [&] { CAF_CHECK_EQUAL(s.harm_redis("delay", "1s", 100), 200u); });
    once(stalled, elapsed, 2s,
         [&] { CAF_CHECK_EQUAL(s.harm_redis("stall", "1s"), 200u); });
    once(dropped, elapsed, 5s,
         [&] { CAF_CHECK_EQUAL(s.harm_redis("drop", "1s"), 200u); });
  });
  CAF_CHECK(!s.broker.logged("redis link silent").empty());
  CAF_CHECK(!s.broker.logged("redis stream interrupted").empty());
  CAF_CHECK(report.lost_told > 0);  // by the drop
  CAF_CHECK_EQUAL(s.imbalance(), "");
}

CAF_TEST(an_output_buffer_overrun_is_an_outage_like_any_other) {
  stage s;
  auto viewers = live_viewers(s.broker, "up:big", 3);
  s.redis.config_set("client-output-buffer-limit", "pubsub 1mb 1mb 1");
  s.broker.child().signal(SIGSTOP);
  for (int i = 0; i < 64; ++i)
    s.redis.publish("up:big", std::string(1 << 20, 'x'));
  CAF_CHECK(
      eventually(patience, [&] { return s.redis.pubsub_clients() == 0; }));
  s.broker.child().signal(SIGCONT);
  CAF_REQUIRE(
      eventually(patience, [&] { return s.redis.subscribers("up:big") == 1; }));
  s.redis.publish("up:big", "small again");
  for (auto& each : viewers) {
    std::string last;
    CAF_CHECK(eventually(patience, [&] {
      last = each.next_message();
      return last == status_text("small again");
    }));
  }
}

CAF_TEST(a_redis_without_room_for_one_more_client_is_tried_again) {
  redis_server redis;
  redis.config_set("maxclients", "1");  // the test's own connection
  broker_process broker(redis);
  auto viewer = broker.view("up:full");
  CAF_CHECK(broker.logs("redis subscribe failed", 2));
  redis.config_set("maxclients", "100");
  CAF_CHECK(viewer.live());
  redis.publish("up:full", "room");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("room"));
}

CAF_TEST(a_name_that_vanishes_and_comes_back_elsewhere_is_followed) {
  redis_server redis;
  redis.config_set("bind", "127.0.0.1 127.0.0.2");
  temporary_directory directory;
  const auto now_at = [&](const std::string& line) {
    return directory.write("hosts", line);
  };
  const auto url =
      "redis://redis.invalid:" + std::to_string(redis.port()) + "/2";
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_URL", url},
                            // Who is asked after /etc/hosts answers soon.
                            {"RES_OPTIONS", "timeout:1 attempts:1"}},
              .hosts = now_at("127.0.0.1 redis.invalid\n")});
  auto viewer = broker.view("up:name");
  CAF_REQUIRE(viewer.live());
  now_at("127.0.0.1 localhost\n");
  CAF_CHECK_EQUAL(redis.kill_pubsub_clients(), 1);
  CAF_REQUIRE(broker.logs("redis subscribe failed", 2));
  const auto line = broker.logged("redis subscribe failed").back();
  // Not found, or nobody answers in time: who is asked after /etc/hosts
  // decides.
  CAF_CHECK(text_of(line, "error").starts_with("connect: "));
  now_at("127.0.0.2 redis.invalid\n");
  CAF_REQUIRE(
      eventually(patience, [&] { return redis.subscribers("up:name") == 1; }));
  const auto link =
      redis.client().command({"CLIENT", "LIST", "TYPE", "pubsub"}).text;
  CAF_CHECK(link.find("laddr=127.0.0.2:") != std::string::npos);
  redis.publish("up:name", "from elsewhere");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("from elsewhere"));
}

CAF_TEST(a_lookup_that_hangs_does_not_hold_up_the_end) {
  redis_server redis;
  // A name server that never answers, at an address of this test's own.
  const auto id = ::getpid();
  const auto address = "127." + std::to_string(id >> 8 & 255) + "." +
                       std::to_string(id & 255) + ".53";
  boost::asio::io_context loop;
  const boost::asio::ip::udp::socket silent(
      loop, {boost::asio::ip::make_address(address), 53});
  const temporary_directory directory;
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_URL", "redis://redis.example/2"}},
              .resolver = directory.write(
                  "resolv.conf", "nameserver " + address +
                                     "\noptions timeout:30 attempts:1\n")});
  CAF_REQUIRE(broker.logs("redis subscribe failed"));
  CAF_CHECK(broker.stop(8s) == 0);
  CAF_CHECK_EQUAL(broker.logged("stopped").size(), 1u);
}

CAF_TEST(a_canary_that_does_not_come_back_turns_ready_to_503) {
  chaos_stage s(environment{{"STATUS_CANARY_INTERVAL", "200ms"},
                            {"STATUS_REDIS_REQUEST_TIMEOUT", "10s"}});
  CAF_CHECK(eventually(patience, [&] {
    return s.broker.value("status2_canary_seconds_count") > 0;
  }));
  CAF_CHECK_EQUAL(s.broker.get("/ready").status, 200u);
  // The link looks alive: its deadline is far.
  CAF_CHECK_EQUAL(s.harm_redis("stall", "2s"), 200u);
  CAF_REQUIRE(s.broker.logs("canary late"));
  const auto line = s.broker.logged("canary late")[0];
  CAF_CHECK_EQUAL(text_of(line, "run_id"), "status2");
  CAF_CHECK(text_of(line, "channel").starts_with("canary."));
  const auto ready = s.broker.get("/ready");
  CAF_CHECK_EQUAL(ready.status, 503u);
  CAF_CHECK(ready.body.find(R"("delivery":"late")") != std::string::npos);
  CAF_CHECK(s.broker.logs("canary back"));
  CAF_CHECK_EQUAL(s.broker.get("/ready").status, 200u);
}
