// One subscription a channel, for as long as somebody looks.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

bool subscribers_become(redis_server& redis, const std::string& channel,
                        std::int64_t count) {
  return eventually(patience,
                    [&] { return redis.subscribers(channel) == count; });
}

}  // namespace

CAF_TEST(a_hundred_clients_of_a_channel_make_one_subscription) {
  stage s;
  auto viewers = live_viewers(s.broker, "run:shared", 100);
  CAF_CHECK_EQUAL(s.redis.subscribers("run:shared"), 1);
  CAF_CHECK_EQUAL(s.redis.pubsub_clients(), 1u);
  CAF_CHECK_EQUAL(s.redis.publish("run:shared", "for all"), 1);
  CAF_CHECK_EQUAL(receivers(viewers, "for all"), 100u);
}

CAF_TEST(all_channels_share_one_redis_connection) {
  stage s;
  std::vector<viewer> viewers;
  for (int i = 0; i < 50; ++i) {
    viewers.push_back(s.view("run:c" + std::to_string(i)));
    CAF_REQUIRE(viewers.back().live());
  }
  CAF_CHECK_EQUAL(s.redis.channel_count(), 50u);
  CAF_CHECK_EQUAL(s.redis.pubsub_clients(), 1u);
}

CAF_TEST(a_channel_is_left_after_its_last_viewer) {
  stage s;
  auto last = s.view("run:left");
  {
    auto first = s.view("run:left");
    CAF_REQUIRE(first.live());
    CAF_REQUIRE(last.live());
  }
  CAF_CHECK(s.broker.metric_becomes("status2_connections_active", 1));
  s.redis.publish("run:left", "one is left");
  CAF_CHECK_EQUAL(last.next_message(), status_text("one is left"));
  last.connection().close();
  CAF_CHECK(subscribers_become(s.redis, "run:left", 0));
  CAF_CHECK(s.broker.metric_becomes("status2_channels_active", 0));
  // And it can be taken up again.
  CAF_CHECK(s.view("run:left").live());
}

CAF_TEST(a_page_reload_costs_no_unsubscribe) {
  stage s(environment{{"STATUS_CHANNEL_LINGER", "1s"}});
  const std::string kept = "run:reloaded";
  CAF_CHECK(s.view(kept).live());
  CAF_REQUIRE(s.broker.metric_becomes("status2_connections_active", 0));
  auto reloaded = s.view(kept);
  CAF_CHECK(reloaded.live());
  // A channel whose linger begins later is the marker.
  CAF_CHECK(s.view("run:marker").live());
  CAF_CHECK(subscribers_become(s.redis, "run:marker", 0));
  CAF_CHECK_EQUAL(s.redis.subscribers(kept), 1);
  CAF_CHECK_EQUAL(s.redis.calls("unsubscribe"), 1);
  CAF_CHECK_EQUAL(s.redis.calls("subscribe"), 2);
  s.redis.publish(kept, "still here");
  CAF_CHECK_EQUAL(reloaded.next_message(), status_text("still here"));
}

CAF_TEST(a_channel_taken_up_while_it_is_left_is_live_again) {
  stage s(environment{{"STATUS_CHANNEL_LINGER", "0s"}});
  for (int i = 0; i < 100; ++i) {
    auto viewer = s.view("run:flapping");
    CAF_REQUIRE(viewer.live());
    const auto text = std::to_string(i);
    CAF_REQUIRE_EQUAL(s.redis.publish("run:flapping", text), 1);
    CAF_REQUIRE_EQUAL(viewer.next_message(), status_text(text));
  }
}

CAF_TEST(ten_thousand_channels_come_and_go_and_memory_returns) {
  constexpr int rounds = 10;
  constexpr int channels = 1000;
  stage s(environment{
      {"STATUS_CHANNEL_LINGER", "50ms"},
      {"STATUS_LOG_LEVEL", "warn"},
      // What a sanitizer holds back would hide what the broker does.
      {"ASAN_OPTIONS", "quarantine_size_mb=1:malloc_context_size=1"}});
  std::size_t warm = 0;
  for (int round = 1; round <= rounds; ++round) {
    std::vector<viewer> viewers;
    const auto prefix = "round" + std::to_string(round) + ":c";
    for (int i = 0; i < channels; ++i) {
      viewers.push_back(s.view(prefix + std::to_string(i)));
      viewers.back().init();
    }
    for (auto& each : viewers)
      CAF_REQUIRE(each.next_ping());
    CAF_CHECK_EQUAL(s.redis.channel_count(), static_cast<unsigned>(channels));
    viewers.clear();
    CAF_REQUIRE(s.broker.metric_becomes("status2_connections_active", 0));
    CAF_REQUIRE(s.broker.metric_becomes("status2_channels_active", 0));
    CAF_REQUIRE(
        eventually(patience, [&] { return s.redis.channel_count() == 0; }));
    if (round == 3) warm = s.broker.child().resident_bytes();
  }
  const auto after = s.broker.child().resident_bytes();
  CAF_MESSAGE("resident after 3 rounds " << warm << ", after 10 " << after);
  // 7,000 channels more: a kilobyte kept of each would show.
  CAF_CHECK(after < warm + 4UL * 1024 * 1024);
}
