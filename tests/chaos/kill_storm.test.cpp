// A random actor dies every 20 ms for a minute, under load.
#include "tests/support/chaos_stage.hpp"
#include "tests/support/crowd.hpp"
#include "tests/support/eventually.hpp"

#include <caf/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

CAF_TEST(nobody_but_the_killed_is_closed_and_what_is_lost_is_told) {
  constexpr std::size_t viewers = 200;
  std::vector<std::string> channels;
  channels.reserve(20);
  for (int i = 0; i < 20; ++i)
    channels.push_back("storm:c" + std::to_string(i));
  chaos_stage s;
  crowd people({s.broker.port(), channels, viewers});
  CAF_REQUIRE(eventually(30s, [&] { return people.live() == viewers; }));
  numbered_producer producer(s.redis.port(), channels);
  std::minstd_rand random(20);  // the same storm each time
  std::vector<std::string> names;
  std::size_t killed_sessions = 0;
  std::size_t kills = 0;
  const auto kill_one = [&] {
    // Names of sessions grow stale: who came since is asked for now and then.
    if (kills % 50 == 0) {
      names = {"redis-link"};
      for (const auto* kind : {"subscriber:", "session:"})
        for (const auto& child : s.actors(kind))
          names.push_back(text_of(child, "actor"));
    }
    const auto& name = names[random() % names.size()];
    if (s.kill(name) == 200 && name.starts_with("session:")) ++killed_sessions;
    ++kills;
  };
  auto next_kill = std::chrono::steady_clock::now();
  producer.publish_until(next_kill + 60s, 200, [&] {
    if (std::chrono::steady_clock::now() < next_kill) return;
    next_kill += 20ms;
    kill_one();
  });
  CAF_MESSAGE("kills " << kills << ", of sessions " << killed_sessions);
  CAF_CHECK(kills > 1000);
  CAF_CHECK(killed_sessions > 100);
  // The last assertion: everybody is served again, and all adds up.
  CAF_REQUIRE(eventually(30s, [&] { return people.live() == viewers; }));
  CAF_CHECK(people.settles());
  CAF_CHECK_EQUAL(s.imbalance(), "");
  const auto before = people.received();
  for (std::size_t i = 0; i < channels.size(); ++i)
    producer.publish();
  CAF_CHECK(eventually(patience,
                       [&] { return people.received() == before + viewers; }));
  auto report = people.judge(producer.published());
  CAF_MESSAGE("received " << report.received << ", lost and told "
                          << report.lost_told << ", gaps " << report.gaps);
  CAF_CHECK_EQUAL(report.duplicated, 0u);
  CAF_CHECK_EQUAL(report.reordered, 0u);
  CAF_CHECK_EQUAL(report.lost_untold, 0u);
  CAF_CHECK_EQUAL(report.refused, 0u);
  CAF_CHECK(report.gaps > 0);
  // A session may be killed twice before it is gone, or before its client has
  // seen the end of the handshake: such a kill closes nothing.
  CAF_CHECK_EQUAL(report.closes.size(), 1u);
  CAF_CHECK(report.closes[1011] > 0);
  CAF_CHECK(report.closes[1011] <= killed_sessions);
}

CAF_TEST(what_an_injected_fault_holds_back_is_in_the_gap_of_a_killed_link) {
  constexpr std::size_t viewers = 10;
  const std::vector<std::string> channels{"held:a", "held:b"};
  chaos_stage s;
  crowd people({s.broker.port(), channels, viewers});
  CAF_REQUIRE(eventually(30s, [&] { return people.live() == viewers; }));
  numbered_producer producer(s.redis.port(), channels);
  CAF_CHECK_EQUAL(s.harm_redis("delay", "3s", 300), 200u);
  int kills = 0;
  const auto start = std::chrono::steady_clock::now();
  producer.publish_until(start + 5s, 200, [&] {
    if (std::chrono::steady_clock::now() < start + (kills + 1) * 900ms) return;
    if (kills++ < 3) CAF_CHECK_EQUAL(s.kill("redis-link"), 200u);
  });
  CAF_CHECK(people.settles());
  const auto before = people.received();
  for (std::size_t i = 0; i < channels.size(); ++i)
    producer.publish();
  CAF_CHECK(eventually(patience,
                       [&] { return people.received() == before + viewers; }));
  const auto report = people.judge(producer.published());
  CAF_CHECK_EQUAL(report.duplicated, 0u);
  CAF_CHECK_EQUAL(report.reordered, 0u);
  CAF_CHECK_EQUAL(report.lost_untold, 0u);
  CAF_CHECK(report.lost_told > 0);
  CAF_CHECK(report.closes.empty());
}
