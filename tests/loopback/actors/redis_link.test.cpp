#include "actors/redis_link.hpp"

#include "actors/io_actor.hpp"
#include "actors/io_thread.hpp"
#include "actors/system_config.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_double.hpp"

#include <caf/all.hpp>
#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace status2::actors;
using namespace std::chrono_literals;
using status2::support::eventually;
using status2::support::redis_double;

namespace {

/// What subscribers and the supervisor were told, in order.
class journal {
 public:
  void add(std::string line) {
    std::lock_guard guard{mutex_};
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> lines() const {
    std::lock_guard guard{mutex_};
    return lines_;
  }
  std::size_t count(const std::string& line) const {
    std::size_t n = 0;
    for (auto& x : lines())
      n += x == line;
    return n;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

struct listener_state {
  static constexpr const char* name = "listener";
  explicit listener_state(caf::event_based_actor*) {}
  caf::behavior make_behavior(const std::string& channel, journal* to) {
    return {
        [=](channel_state state) {
          to->add(channel + (state.live ? " live" : " lost"));
        },
        [=](const payload_batch& batch) {
          batch.for_each(
              [&](std::string_view payload) {
                to->add(channel + "=" + std::string(payload));
              },
              [&] { to->add(channel + " skipped"); });
        },
        [=](const link_status& status) {
          to->add("phase " + std::to_string(static_cast<int>(status.phase)));
        },
    };
  }
};

struct fixture {
  fixture() {
    thread.attach(system);
    thread.start();
    supervisor = listen("supervisor");
  }
  ~fixture() {
    for (auto& actor : actors)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    actors.clear();
    supervisor = nullptr;
    link = nullptr;
    system.await_all_actors_done();
    thread.stop();
  }
  caf::actor listen(const std::string& channel) {
    actors.push_back(spawn_bound<listener_state>(system, thread, channel,
                                                 static_cast<journal*>(&seen)));
    return actors.back();
  }
  void start(const std::string& extra = {}) {
    redis_link_config config;
    config.loop = &thread.loop().context();
    config.connection.url = *status2::redis::parse_url(
        "redis://" + extra + "127.0.0.1:" + std::to_string(port) + "/2");
    config.connection.request_timeout = 300ms;
    config.connection.max_payload = 1 << 20;
    config.machine.request_timeout = 300ms;
    config.machine.retry = {50ms, 200ms};
    config.machine.max_retries = 3;
    config.supervisor = supervisor;
    config.counters = &counters;
    config.status = &status;
    link = spawn_bound<redis_link_state>(system, thread, std::move(config));
    actors.push_back(link);
  }
  void want(const std::string& channel) {
    caf::anon_send(link, channels_wanted{{{channel, listen(channel)}}});
  }
  bool sees(const std::string& line, std::size_t times = 1) {
    return eventually(5s, [&] { return seen.count(line) >= times; });
  }
  /// A channel that delivers again is the end of every fault.
  void recovers(const std::string& channel) {
    CAF_CHECK(eventually(5s, [&] {
      redis->publish(channel, "again");
      return seen.count(channel + "=again") > 0;
    }));
  }

  std::unique_ptr<redis_double> redis = std::make_unique<redis_double>();
  unsigned short port = redis->port();
  journal seen;
  broker_counters counters;
  broker_status status;
  system_config config{1};
  io_thread thread{0};
  caf::actor_system system{config};
  caf::actor supervisor;
  caf::actor link;
  std::vector<caf::actor> actors;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(redis_link_tests, fixture)

CAF_TEST(a_wanted_channel_is_subscribed_and_its_messages_come_in_order) {
  start("user:secret@");
  want("r:a");
  CAF_REQUIRE(sees("r:a live"));
  CAF_CHECK_EQUAL(redis->arguments("AUTH"),
                  (std::vector<std::string>{"user", "secret"}));
  CAF_CHECK_EQUAL(redis->arguments("SELECT"), (std::vector<std::string>{"2"}));
  for (int i = 0; i < 500; ++i)
    redis->publish("r:a", std::to_string(i));
  CAF_REQUIRE(sees("r:a=499"));
  int next = 0;
  for (auto& line : seen.lines())
    if (line.starts_with("r:a=")) {
      CAF_CHECK_EQUAL(line, "r:a=" + std::to_string(next));
      ++next;
    }
  CAF_CHECK_EQUAL(next, 500);
}

CAF_TEST(a_channel_is_live_before_what_comes_with_its_answer) {
  redis->answer_late("r:a");
  start();
  want("r:a");
  CAF_REQUIRE(eventually(5s, [&] { return redis->subscribers("r:a") == 1; }));
  redis->publish("r:a", "first");
  CAF_REQUIRE(sees("r:a=first"));
  const auto lines = seen.lines();
  CAF_CHECK(std::find(lines.begin(), lines.end(), "r:a live") <
            std::find(lines.begin(), lines.end(), "r:a=first"));
}

CAF_TEST(of_one_read_each_channel_gets_its_own_and_nothing_twice) {
  start();
  for (const char* channel : {"r:a", "r:b", "r:c"}) {
    want(channel);
    CAF_REQUIRE(sees(std::string(channel) + " live"));
  }
  const auto message = [](const std::string& channel, const std::string& text) {
    return status2::redis::encode_command({"message", channel, text});
  };
  redis->say(message("r:a", "1") + message("r:b", "1") + message("r:a", "2") +
             message("r:unknown", "1") + message("r:c", "1") +
             "*2\r\n$4\r\npong\r\n$0\r\n\r\n" + message("r:a", "3") +
             message("r:b", "2"));
  redis->say(message("r:b", "3") + message("r:a", "4"));
  CAF_REQUIRE(sees("r:a=4"));
  CAF_REQUIRE(sees("r:b=3"));
  std::string of_a, of_b, of_c;
  for (const auto& line : seen.lines()) {
    if (line.starts_with("r:a=")) of_a += line.substr(4);
    if (line.starts_with("r:b=")) of_b += line.substr(4);
    if (line.starts_with("r:c=")) of_c += line.substr(4);
  }
  CAF_CHECK_EQUAL(of_a, "1234");
  CAF_CHECK_EQUAL(of_b, "123");
  CAF_CHECK_EQUAL(of_c, "1");
}

CAF_TEST(a_payload_beyond_the_limit_costs_its_message_and_no_other) {
  start();
  want("r:a");
  want("r:b");
  CAF_REQUIRE(sees("r:a live") && sees("r:b live"));
  redis->publish("r:a", "before");
  redis->publish("r:a", std::string(8 << 20, 'x'));
  redis->publish("r:b", std::string(1 << 20, 'y'));
  redis->publish("r:a", "after");
  CAF_REQUIRE(sees("r:a=after"));
  std::vector<std::string> of_a;
  for (const auto& line : seen.lines())
    if (line.starts_with("r:a")) of_a.push_back(line);
  CAF_CHECK_EQUAL(of_a, (std::vector<std::string>{"r:a live", "r:a=before",
                                                  "r:a skipped", "r:a=after"}));
  CAF_CHECK(seen.count("r:b=" + std::string(1 << 20, 'y')) == 1);
  CAF_CHECK_EQUAL(counters.messages_too_large.load(), 1);
  CAF_CHECK_EQUAL(counters.messages_received.load(), 3);
}

CAF_TEST(ten_thousand_channels_share_one_connection_in_few_commands) {
  start();
  channels_wanted all;
  auto subscriber = listen("many");
  for (int i = 0; i < 10000; ++i)
    all.channels.push_back({"r:" + std::to_string(i), subscriber});
  caf::anon_send(link, all);
  CAF_REQUIRE(
      eventually(10s, [&] { return seen.count("many live") == 10000; }));
  CAF_CHECK_EQUAL(redis->connections(), 1u);
  CAF_CHECK(redis->commands("SUBSCRIBE") <= 20);
  CAF_CHECK_EQUAL(counters.channels_subscribed.load(), 10000);
}

CAF_TEST(a_dropped_connection_is_opened_again_and_subscribed_again) {
  start();
  want("r:a");
  CAF_REQUIRE(sees("r:a live"));
  redis->drop();
  CAF_CHECK(sees("r:a lost"));
  CAF_CHECK(sees("r:a live", 2));
  CAF_CHECK_EQUAL(counters.redis_reconnects.load(), 1);
  recovers("r:a");
}

CAF_TEST(a_hang_delays_messages_and_loses_none) {
  start();
  want("r:a");
  CAF_REQUIRE(sees("r:a live"));
  redis->stall(true);
  CAF_REQUIRE(eventually(5s, [&] { return redis->connections() >= 2; }));
  CAF_CHECK_EQUAL(seen.count("r:a lost"), 0u);
  redis->stall(false);
  // The first link answers its PING; the second is closed.
  CAF_CHECK(eventually(5s, [&] { return redis->open() == 1; }));
  recovers("r:a");
  CAF_CHECK_EQUAL(seen.count("r:a lost"), 0u);
  CAF_CHECK_EQUAL(counters.channels_subscribed.load(), 1);
}

CAF_TEST(a_link_that_stays_silent_is_replaced_and_nothing_comes_twice) {
  start();
  want("r:a");
  CAF_REQUIRE(sees("r:a live"));
  // Only the connection that exists hangs; a new one works.
  redis->stall_connected();
  CAF_REQUIRE(eventually(5s, [&] { return redis->connections() >= 2; }));
  CAF_REQUIRE(eventually(5s, [&] { return redis->open() == 1; }));
  for (int i = 0; i < 50; ++i)
    redis->publish("r:a", std::to_string(i));
  CAF_REQUIRE(sees("r:a=49"));
  for (int i = 0; i < 50; ++i)
    CAF_CHECK_EQUAL(seen.count("r:a=" + std::to_string(i)), 1u);
  CAF_CHECK_EQUAL(counters.channels_subscribed.load(), 1);
}

CAF_TEST(half_a_reply_and_then_silence_is_noticed) {
  start();
  want("r:a");
  CAF_REQUIRE(sees("r:a live"));
  redis->stall_connected();
  redis->say("*3\r\n$7\r\nmess");
  CAF_CHECK(eventually(5s, [&] { return redis->connections() >= 2; }));
  CAF_CHECK(eventually(5s, [&] { return redis->open() == 1; }));
  recovers("r:a");
}

CAF_TEST(garbage_closes_the_link_and_it_recovers) {
  start();
  want("r:a");
  CAF_REQUIRE(sees("r:a live"));
  redis->say("what is this\r\n");
  CAF_CHECK(sees("r:a lost"));
  CAF_CHECK(sees("r:a live", 2));
  recovers("r:a");
}

CAF_TEST(a_refused_login_surfaces_and_ends_when_the_login_works) {
  redis->refuse_login("-WRONGPASS invalid username-password pair");
  start("wrong:secret@");
  want("r:a");
  CAF_CHECK(sees("phase 3"));
  CAF_CHECK_EQUAL(counters.redis_up.load(), 0);
  redis->refuse_login({});
  CAF_CHECK(sees("r:a live"));
  CAF_CHECK(sees("phase 1"));
  CAF_CHECK_EQUAL(counters.redis_up.load(), 1);
  recovers("r:a");
}

CAF_TEST(a_redis_that_is_absent_at_start_is_waited_for) {
  redis.reset();
  start();
  want("r:a");
  CAF_CHECK(eventually(
      5s, [&] { return counters.redis_connect_failures.load() >= 3; }));
  redis = std::make_unique<redis_double>(port);
  CAF_CHECK(sees("r:a live"));
  recovers("r:a");
}

CAF_TEST(a_forbidden_channel_does_not_harm_the_others) {
  redis->forbid("r:b");
  start();
  auto subscriber = listen("three");
  caf::anon_send(link, channels_wanted{{{"r:a", subscriber},
                                        {"r:b", subscriber},
                                        {"r:c", subscriber}}});
  CAF_CHECK(sees("three live", 2));
  redis->publish("r:a", "x");
  redis->publish("r:c", "y");
  CAF_CHECK(sees("three=x"));
  CAF_CHECK(sees("three=y"));
  CAF_CHECK_EQUAL(redis->subscribers("r:b"), 0u);
  CAF_CHECK_EQUAL(redis->connections(), 1u);
}

CAF_TEST(a_left_channel_is_unsubscribed_and_can_come_back) {
  start();
  want("r:a");
  CAF_REQUIRE(sees("r:a live"));
  caf::anon_send(link, channel_unwanted{"r:a"});
  CAF_CHECK(eventually(5s, [&] { return redis->subscribers("r:a") == 0; }));
  want("r:a");
  CAF_CHECK(sees("r:a live", 2));
  recovers("r:a");
}

CAF_TEST(a_restarted_subscriber_is_told_at_once_that_its_channel_is_live) {
  start();
  want("r:a");
  CAF_REQUIRE(sees("r:a live"));
  want("r:a");
  CAF_CHECK(sees("r:a live", 2));
  CAF_CHECK_EQUAL(redis->commands("SUBSCRIBE"), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
