// Redis goes away in every way it can; clients stay and delivery resumes.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t crowd = 20;

/// Whether the broker is subscribed again and a message reaches all of them:
/// nobody was closed.
void check_recovery(stage& s, const std::string& channel,
                    std::vector<viewer>& viewers) {
  CAF_REQUIRE(
      eventually(patience, [&] { return s.redis.subscribers(channel) == 1; }));
  s.redis.publish(channel, "back again");
  CAF_CHECK_EQUAL(receivers(viewers, "back again"), viewers.size());
  CAF_CHECK_EQUAL(s.broker.metric("status2_connections_active").value_or(-1),
                  static_cast<double>(viewers.size()));
}

}  // namespace

CAF_TEST(a_restart_closes_no_client_and_delivery_resumes) {
  stage s;
  auto viewers = live_viewers(s.broker, "run:restart", crowd);
  s.redis.restart();
  check_recovery(s, "run:restart", viewers);
  CAF_CHECK(s.broker.metric_becomes("status2_redis_reconnects_total", 1));
  CAF_REQUIRE(s.broker.logs("redis stream interrupted"));
  const auto line = s.broker.logged("redis stream interrupted")[0];
  CAF_CHECK_EQUAL(text_of(line, "level"), "WARN");
  CAF_CHECK_EQUAL(text_of(line, "component"), "redis");
  CAF_CHECK(!text_of(line, "error").empty());
  CAF_CHECK(s.broker.logs("redis subscribe established", 2));
}

CAF_TEST(a_killed_redis_is_taken_up_again_when_it_is_back) {
  stage s;
  auto viewers = live_viewers(s.broker, "run:killed", crowd);
  s.redis.kill();
  // Refused, again and again, with a growing wait.
  CAF_REQUIRE(s.broker.logs("redis subscribe failed", 4));
  for (const auto& line : s.broker.logged("redis subscribe failed")) {
    CAF_CHECK(line.contains("attempt"));
    CAF_CHECK(line.contains("backoff"));
    CAF_CHECK(!text_of(line, "error").empty());
  }
  s.redis.start();
  check_recovery(s, "run:killed", viewers);
}

CAF_TEST(a_second_outage_is_recovered_from_like_the_first) {
  stage s;
  auto viewers = live_viewers(s.broker, "run:again", 2);
  for (int i = 1; i <= 5; ++i) {
    s.redis.restart();
    check_recovery(s, "run:again", viewers);
  }
}

CAF_TEST(many_channels_are_all_subscribed_again) {
  stage s;
  std::vector<viewer> viewers;
  constexpr int channels = 300;
  const auto name = [](int i) { return "run:many" + std::to_string(i); };
  for (int i = 0; i < channels; ++i) {
    viewers.push_back(s.view(name(i)));
    CAF_REQUIRE(viewers.back().live());
  }
  s.redis.restart();
  CAF_REQUIRE(eventually(patience,
                         [&] { return s.redis.channel_count() == channels; }));
  for (int i = 0; i < channels; ++i) {
    s.redis.publish(name(i), "back");
    CAF_REQUIRE_EQUAL(viewers[static_cast<std::size_t>(i)].next_message(),
                      status_text("back"));
  }
}

CAF_TEST(a_broker_started_without_redis_serves_when_it_comes) {
  redis_server redis;
  redis.stop();
  broker_process broker(redis,
                        {.variables = {{"STATUS_PING_INTERVAL", "100ms"}}});
  auto viewer = broker.view("run:early");
  CAF_CHECK(viewer.next_ping());
  CAF_CHECK(broker.logs("redis subscribe failed", 2));
  redis.start();
  CAF_REQUIRE(eventually(patience,
                         [&] { return redis.subscribers("run:early") == 1; }));
  redis.publish("run:early", "at last");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("at last"));
}

CAF_TEST(heartbeats_go_on_and_clients_are_accepted_in_an_outage) {
  stage s(environment{{"STATUS_PING_INTERVAL", "100ms"}});
  auto old = s.view("run:beat");
  CAF_REQUIRE(old.live());
  s.redis.stop();
  CAF_REQUIRE(s.broker.logs("redis stream interrupted"));
  auto fresh = s.view("run:fresh");
  for (int i = 0; i < 10; ++i) {
    CAF_CHECK(old.next_ping());
    CAF_CHECK(fresh.next_ping());
  }
}

CAF_TEST(an_init_sent_in_an_outage_is_answered_when_the_channel_is_live) {
  stage s;
  auto old = s.view("run:waiting");
  CAF_REQUIRE(old.live());
  s.redis.stop();
  CAF_REQUIRE(s.broker.logs("redis stream interrupted"));
  auto fresh = s.view("run:waiting");
  old.init();
  fresh.init();
  CAF_REQUIRE(s.broker.logs("redis subscribe failed", 3));
  CAF_CHECK(!old.next(1ms));
  CAF_CHECK(!fresh.next(1ms));
  s.redis.start();
  CAF_CHECK(old.next_ping());
  CAF_CHECK(fresh.next_ping());
  CAF_CHECK_EQUAL(s.redis.publish("run:waiting", "live"), 1);
  CAF_CHECK_EQUAL(old.next_message(), status_text("live"));
  CAF_CHECK_EQUAL(fresh.next_message(), status_text("live"));
}

CAF_TEST(a_killed_connection_is_opened_again) {
  stage s;
  auto viewers = live_viewers(s.broker, "run:client-kill", crowd);
  CAF_CHECK_EQUAL(s.redis.kill_pubsub_clients(), 1);
  check_recovery(s, "run:client-kill", viewers);
  CAF_CHECK_EQUAL(s.redis.pubsub_clients(), 1u);
}

CAF_TEST(viewers_who_left_in_an_outage_leave_no_subscription) {
  stage s;
  auto stays = s.view("run:stays");
  auto goes = s.view("run:goes");
  CAF_REQUIRE(stays.live());
  CAF_REQUIRE(goes.live());
  s.redis.stop();
  goes.connection().close();
  CAF_REQUIRE(s.broker.metric_becomes("status2_channels_active", 1));
  s.redis.start();
  CAF_REQUIRE(stays.live());
  CAF_CHECK_EQUAL(s.redis.subscribers("run:stays"), 1);
  CAF_CHECK_EQUAL(s.redis.subscribers("run:goes"), 0);
}
