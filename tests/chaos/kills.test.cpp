// Any actor may be killed: what that costs, whom, and what is said of it.
#include "tests/support/chaos_stage.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <csignal>
#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

/// A viewer that is told of gaps, live.
viewer gap_viewer(chaos_stage& s, const std::string& channel) {
  auto made = s.view("/" + channel + "?gap=1");
  CAF_REQUIRE(made.live());
  return made;
}

void check_recovery(chaos_stage& s, const std::string& channel,
                    std::vector<viewer>& viewers) {
  CAF_REQUIRE(
      eventually(patience, [&] { return s.redis.subscribers(channel) == 1; }));
  // Answered when the channel is live again.
  for (auto& each : viewers)
    CAF_CHECK(each.live());
  s.redis.publish(channel, "after");
  CAF_CHECK_EQUAL(receivers(viewers, "after"), viewers.size());
  CAF_CHECK_EQUAL(s.imbalance(), "");
}

bool is_gap(const std::string& text, const std::string& cause) {
  return text.starts_with(R"({"type":"gap","since":")") &&
         text.ends_with(R"("cause":")" + cause + R"("})");
}

}  // namespace

CAF_TEST(a_killed_link_closes_nobody_and_its_gap_is_told) {
  chaos_stage s;
  auto viewers = live_viewers(s.broker, "run:link", 5);
  auto told = gap_viewer(s, "run:link");
  CAF_CHECK_EQUAL(s.kill("redis-link"), 200u);
  CAF_CHECK(is_gap(told.next_message(), "restart"));
  check_recovery(s, "run:link", viewers);
  CAF_CHECK_EQUAL(told.next_message(), status_text("after"));
  CAF_CHECK_EQUAL(s.actors("redis-link")[0].at("restarts").to_number<int>(), 1);
  CAF_CHECK(s.broker.logs("actor restarted"));
  CAF_CHECK(s.broker.metric_becomes("status2_actor_restarts_total", 1));
}

CAF_TEST(a_killed_subscriber_harms_its_own_channel_for_a_moment_only) {
  chaos_stage s;
  auto viewers = live_viewers(s.broker, "run:sub", 5);
  auto others = live_viewers(s.broker, "run:other", 2);
  auto told = gap_viewer(s, "run:sub");
  auto unconcerned = gap_viewer(s, "run:other");
  CAF_CHECK_EQUAL(s.kill("subscriber:run:sub"), 200u);
  CAF_CHECK(is_gap(told.next_message(), "restart"));
  check_recovery(s, "run:sub", viewers);
  CAF_REQUIRE(s.broker.logs("actor restarted"));
  const auto line = s.broker.logged("actor restarted")[0];
  CAF_CHECK_EQUAL(text_of(line, "run_id"), "run");
  CAF_CHECK_EQUAL(text_of(line, "channel"), "sub");
  s.redis.publish("run:other", "quiet");
  CAF_CHECK_EQUAL(unconcerned.next_message(), status_text("quiet"));
  CAF_CHECK_EQUAL(receivers(others, "quiet"), others.size());
}

CAF_TEST(a_killed_session_closes_its_own_socket_and_nothing_else) {
  chaos_stage s;
  auto viewers = live_viewers(s.broker, "run:session", 3);
  auto victim = s.view("run:victim");
  CAF_REQUIRE(victim.live());
  for (const auto& session : s.actors("session:"))
    if (text_of(session, "channel") == "run:victim")
      CAF_CHECK_EQUAL(s.kill(text_of(session, "actor")), 200u);
  CAF_CHECK_EQUAL(victim.close_code(), 1011);
  check_recovery(s, "run:session", viewers);
  auto again = s.view("run:victim");
  CAF_CHECK(again.live());
}

CAF_TEST(a_killed_supervisor_ends_the_process_with_70_and_a_log_line) {
  chaos_stage s;
  auto viewer = s.view("run:end");
  CAF_REQUIRE(viewer.live());
  CAF_CHECK_EQUAL(s.kill("supervisor"), 200u);
  CAF_CHECK(s.broker.child().wait(patience) == 70);
  CAF_CHECK(s.broker.logs("supervisor died"));
  // Whoever runs the service starts it again: clients come back to it.
  broker_process next(s.redis, {.port = s.broker.port()});
  auto again = next.view("run:end");
  CAF_CHECK(again.live());
}

CAF_TEST(a_supervisor_killed_in_a_drain_ends_the_process_with_70_as_well) {
  chaos_stage s(environment{{"STATUS_DRAIN_WINDOW", "1h"}});
  auto viewers = live_viewers(s.broker, "run:drain", 3);
  s.broker.child().signal(SIGTERM);
  CAF_REQUIRE(eventually(patience,
                         [&] { return s.broker.get("/ready").status == 503; }));
  CAF_CHECK_EQUAL(s.kill("supervisor"), 200u);
  CAF_CHECK(s.broker.child().wait(patience) == 70);
  CAF_CHECK(s.broker.logs("supervisor died"));
}

CAF_TEST(a_link_that_keeps_dying_is_surfaced_and_recovers) {
  chaos_stage s;
  auto viewers = live_viewers(s.broker, "run:dying", 3);
  // Faster than the policy allows: 20 deaths in 10 s.
  CAF_CHECK(eventually(patience, [&] {
    s.kill("redis-link");
    return !s.broker.logged("restart intensity exceeded").empty();
  }));
  CAF_CHECK_EQUAL(s.broker.get("/ready").status, 503u);
  CAF_CHECK(s.broker.get("/ready").body.find(R"("actors":"failing")") !=
            std::string::npos);
  CAF_CHECK_EQUAL(s.broker.value("status2_actors_failing"), 1.0);
  CAF_CHECK_EQUAL(s.broker.value("status2_ready"), 0.0);
  check_recovery(s, "run:dying", viewers);
  CAF_CHECK(
      eventually(30s, [&] { return s.broker.get("/ready").status == 200; }));
  CAF_CHECK_EQUAL(s.broker.value("status2_actors_failing"), 0.0);
  CAF_CHECK_EQUAL(s.broker.value("status2_ready"), 1.0);
}

CAF_TEST(a_link_killed_in_a_surfaced_outage_leaves_it_surfaced) {
  chaos_stage s(environment{{"STATUS_REDIS_MAX_RETRIES", "2"}});
  auto viewers = live_viewers(s.broker, "run:surfaced", 3);
  const auto unavailable = [&] {
    const auto ready = s.broker.get("/ready");
    return ready.status == 503 &&
           ready.body.find(R"("redis":"unavailable")") != std::string::npos;
  };
  s.redis.stop();
  CAF_REQUIRE(s.broker.logs("redis unavailable"));
  CAF_REQUIRE(eventually(patience, unavailable));
  CAF_CHECK_EQUAL(s.kill("redis-link"), 200u);
  CAF_REQUIRE(s.broker.logs("actor restarted"));
  CAF_CHECK(unavailable());
  CAF_CHECK_EQUAL(s.broker.value("status2_redis_up"), 0.0);
  // The new link comes to the same end, and out of it.
  CAF_REQUIRE(s.broker.logs("redis unavailable", 2));
  CAF_CHECK(unavailable());
  s.redis.start();
  check_recovery(s, "run:surfaced", viewers);
  CAF_CHECK(s.broker.metric_becomes("status2_redis_up", 1));
  CAF_CHECK(eventually(patience,
                       [&] { return s.broker.get("/ready").status == 200; }));
}

CAF_TEST(a_killed_canary_is_restarted) {
  chaos_stage s(environment{{"STATUS_CANARY_INTERVAL", "100ms"}});
  CAF_CHECK(eventually(patience, [&] {
    return s.broker.value("status2_canary_seconds_count") > 0;
  }));
  CAF_CHECK_EQUAL(s.kill("canary"), 200u);
  const auto before = s.broker.value("status2_canary_seconds_count");
  CAF_CHECK(eventually(patience, [&] {
    return s.broker.value("status2_canary_seconds_count") > before + 2;
  }));
  CAF_CHECK_EQUAL(s.broker.get("/ready").status, 200u);
}
