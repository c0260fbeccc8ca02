#include "actors/supervisor.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "tests/support/actor_fixture.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace status2::actors;
using namespace std::chrono_literals;

namespace {

using names = std::vector<std::string>;

/// The supervisor over children that only record what they are told.
struct fixture : status2::support::actor_fixture {
  fixture() {
    supervisor_config config;
    config.spawn_link = [this](const caf::actor&) { return spawn_link(); };
    config.spawn_subscriber = [this](subscriber_spec spec) {
      subscribers.push_back(idle_actor());
      subscribed.push_back(spec.channel);
      return subscribers.back();
    };
    config.spawn_session = [this](session_spec spec) {
      sessions.push_back(spawn_session());
      threads.push_back(spec.thread);
      return sessions.back();
    };
    config.channel_linger = 5s;
    config.threads = 2;
    config.spread_at = 3;
    config.restarts = {.base = 10ms, .ceiling = 1s, .intensity = 3};
    config.counters = &counters;
    config.status = &status;
    supervisor = own(spawn_unbound<supervisor_state>(sys, std::move(config)));
    self->monitor(supervisor);
    consume_messages();
  }

  caf::actor spawn_link() {
    links.push_back(
        own(sys.spawn([this](caf::event_based_actor*) -> caf::behavior {
          return {
              [this](const channels_wanted& m) {
                for (auto& channel : m.channels)
                  wanted.push_back(channel.name);
              },
              [this](const channel_unwanted& m) { unwanted.push_back(m.name); },
          };
        })));
    return links.back();
  }
  caf::actor spawn_session() {
    return own(sys.spawn([](caf::event_based_actor* actor) -> caf::behavior {
      return {[actor](drain) { actor->quit(); }};
    }));
  }
  void connect(const std::string& channel) {
    auto request = std::make_shared<status2::transport::upgrade_request>();
    request->channel = {channel, channel.find(':')};
    self->send(supervisor, client_accepted{std::move(request)});
    consume_messages();
  }
  void kill(const caf::actor& actor) {
    self->send_exit(actor, caf::exit_reason::kill);
    consume_messages();
  }
  bool live(const std::string& channel) {
    return channel_group::of(*channel_groups::of(sys).get(channel)).live();
  }

  broker_counters counters;
  broker_status status;
  caf::actor supervisor;
  std::vector<caf::actor> links, subscribers, sessions;
  names subscribed, wanted, unwanted;
  std::vector<std::size_t> threads;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_tests, fixture)

CAF_TEST(a_hundred_clients_of_a_channel_make_one_subscription) {
  for (int i = 0; i < 100; ++i)
    connect("run:a");
  CAF_CHECK_EQUAL(wanted, names{"run:a"});
  CAF_CHECK_EQUAL(subscribers.size(), 1u);
  CAF_CHECK_EQUAL(sessions.size(), 100u);
  CAF_CHECK_EQUAL(counters.channels_active.load(), 1);
}

CAF_TEST(a_channel_is_left_after_its_last_viewer_and_the_linger) {
  connect("run:a");
  connect("run:a");
  kill(sessions[0]);
  pass(6s);
  CAF_CHECK(unwanted.empty());
  kill(sessions[1]);
  pass(4s);
  CAF_CHECK(unwanted.empty());
  pass(1s);
  CAF_CHECK_EQUAL(unwanted, names{"run:a"});
  CAF_CHECK_EQUAL(counters.channels_active.load(), 0);
  CAF_CHECK_EQUAL(channel_groups::of(sys).size(), 0u);
}

CAF_TEST(a_viewer_who_comes_back_within_the_linger_costs_nothing) {
  connect("run:a");
  kill(sessions[0]);
  pass(3s);
  connect("run:a");
  pass(10s);
  CAF_CHECK(unwanted.empty());
  CAF_CHECK_EQUAL(wanted, names{"run:a"});
  kill(sessions[1]);
  pass(5s);
  CAF_CHECK_EQUAL(unwanted, names{"run:a"});
}

CAF_TEST(a_dead_link_is_restarted_and_told_every_wanted_channel) {
  connect("run:a");
  connect("run:b");
  connect("run:b");
  wanted.clear();
  kill(links[0]);
  CAF_REQUIRE_EQUAL(links.size(), 2u);
  CAF_CHECK_EQUAL(wanted, (names{"run:b", "run:a"}));
  CAF_CHECK_EQUAL(counters.actor_restarts.load(), 1);
  connect("run:c");
  CAF_CHECK_EQUAL(wanted.back(), "run:c");
}

CAF_TEST(a_dead_subscriber_is_restarted_and_nothing_else_is_touched) {
  connect("run:a");
  connect("run:b");
  wanted.clear();
  channel_group::of(*channel_groups::of(sys).get("run:a")).revive();
  kill(subscribers[0]);
  CAF_CHECK_EQUAL(subscribed, (names{"run:a", "run:b", "run:a"}));
  CAF_CHECK_EQUAL(wanted, names{"run:a"});
  CAF_CHECK(!live("run:a"));
  CAF_CHECK_EQUAL(links.size(), 1u);
}

CAF_TEST(a_child_that_keeps_dying_waits_longer_each_time_and_never_gives_up) {
  connect("run:a");
  kill(links.back());
  kill(links.back());
  CAF_CHECK_EQUAL(links.size(), 2u);  // the second restart waits
  pass(10ms);
  CAF_CHECK_EQUAL(links.size(), 3u);
  kill(links.back());
  pass(20ms);
  CAF_CHECK_EQUAL(links.size(), 4u);
  CAF_CHECK_EQUAL(status.failing_until_ns.load(), 0);
  kill(links.back());
  CAF_CHECK(status.failing_until_ns.load() > 0);
  pass(999ms);
  CAF_CHECK_EQUAL(links.size(), 4u);
  pass(1ms);
  CAF_CHECK_EQUAL(links.size(), 5u);
}

CAF_TEST(a_restart_that_waits_is_dropped_with_its_channel) {
  connect("run:a");
  kill(subscribers.back());
  kill(subscribers.back());
  kill(sessions.back());
  CAF_CHECK_EQUAL(subscribers.size(), 2u);
  pass(5s);
  CAF_CHECK_EQUAL(unwanted, names{"run:a"});
  CAF_CHECK_EQUAL(counters.channels_active.load(), 0);
}

CAF_TEST(viewers_of_a_small_channel_stay_on_the_thread_of_the_link) {
  for (int i = 0; i < 7; ++i)
    connect("run:a");
  CAF_CHECK_EQUAL(threads, (std::vector<std::size_t>{0, 0, 0, 1, 1, 1, 0}));
  connect("run:b");
  CAF_CHECK_EQUAL(threads.back(), 0u);
}

CAF_TEST(a_drain_closes_every_session_and_then_ends_the_tree) {
  connect("run:a");
  connect("run:b");
  self->send(supervisor, drain{});
  consume_messages();
  CAF_CHECK(status.draining.load());
  self->receive(
      [&](const caf::down_msg& down) {
        CAF_CHECK_EQUAL(down.reason,
                        caf::make_error(caf::exit_reason::user_shutdown));
      },
      caf::after(0s) >> [] { CAF_FAIL("the supervisor is still there"); });
}

CAF_TEST(a_client_who_comes_during_a_drain_is_not_served) {
  connect("run:a");
  CAF_REQUIRE_EQUAL(sessions.size(), 1u);
  auto stubborn = sessions[0];
  auto request = std::make_shared<status2::transport::upgrade_request>();
  request->channel = {"run:b", 3};
  self->send(supervisor, drain{});
  self->send(supervisor, client_accepted{std::move(request)});
  consume_messages();
  CAF_CHECK_EQUAL(sessions.size(), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
