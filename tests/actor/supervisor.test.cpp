#include "actors/supervisor.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "tests/support/actor_fixture.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/socket.h>
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
    config.spawn_subscriber = [this](const subscriber_spec& spec) {
      subscribers.push_back(idle_actor());
      subscribed.push_back(spec.viewers.get()->identifier());
      kept_tails.push_back(spec.tail);
      CAF_CHECK(spec.latches == &latches);
      return subscribers.back();
    };
    config.spawn_session = [this](const session_spec& spec) {
      sessions.push_back(spawn_session());
      threads.push_back(spec.thread);
      return sessions.back();
    };
    config.spawn_canary = [this] {
      canaries.push_back(idle_actor());
      return canaries.back();
    };
    config.canary_channel = "status2:canary";
    config.redis_changed = [this](const redis_change&) { ++changes_done; };
    config.limits.max_channels = 3;
    config.limits.drain_window = 1s;
    config.fault = fault;
    config.tails = &tails;
    config.latches = &latches;
    config.limits.channel_linger = 5s;
    config.threads = 2;
    config.spread_at = 3;
    config.restarts = {.base = 10ms, .ceiling = 1s, .intensity = 3};
    config.counters = &counters;
    config.status = &status;
    supervisor = own(spawn_unbound<supervisor_state>(sys, std::move(config)));
    self->monitor(supervisor);
    consume_messages();
    CAF_CHECK_EQUAL(wanted, names{"status2:canary"});
    wanted.clear();
  }

  caf::actor spawn_link() {
    links.push_back(
        own(sys.spawn([this](caf::event_based_actor*) -> caf::behavior {
          return {
              [this](const channels_wanted& m) {
                for (auto& channel : m.channels) {
                  wanted.push_back(channel.name);
                  // Only the canary has no viewers.
                  CAF_CHECK_EQUAL(static_cast<bool>(channel.viewers),
                                  channel.name != "status2:canary");
                }
              },
              [this](const channel_unwanted& m) { unwanted.push_back(m.name); },
              [this](const fault_wanted&) { ++faults_seen; },
              [this](const redis_change&) { ++changes_seen; },
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
  boost::json::object tree() {
    boost::json::object result;
    self->send(supervisor, tree_wanted{[&](unsigned, const std::string& text) {
                 result = boost::json::parse(text).as_object();
               }});
    consume_messages();
    return result;
  }
  unsigned ask_kill(const std::string& actor) {
    unsigned result = 0;
    self->send(supervisor,
               kill_wanted{actor, [&](unsigned code, const std::string&) {
                             result = code;
                           }});
    consume_messages();
    return result;
  }
  std::int64_t refused(status2::transport::refusal why) const {
    return counters.requests_refused[static_cast<std::size_t>(why)];
  }
  gap_ledger& gaps(const std::string& channel) {
    return channel_group::of(*channel_groups::of(sys).get(channel)).gaps();
  }
  bool live(const std::string& channel) { return gaps(channel).live(); }

  broker_counters counters;
  tail_store tails{{}, counters};
  latch_store latches{{.patterns = {"end*"}}, counters};
  std::vector<std::weak_ptr<channel_tail>> kept_tails;  ///< of `subscribers`
  broker_status status;
  caf::actor supervisor;
  std::vector<caf::actor> links, subscribers, sessions, canaries;
  std::shared_ptr<status2::redis::upstream_fault> fault =
      std::make_shared<status2::redis::upstream_fault>();
  names subscribed, wanted, unwanted;
  std::vector<std::size_t> threads;
  int faults_seen = 0;
  int changes_seen = 0;
  int changes_done = 0;
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

CAF_TEST(channels_linger_each_from_its_last_viewer) {
  connect("run:a");
  connect("run:b");
  kill(sessions[0]);
  pass(2s);
  kill(sessions[1]);
  pass(3s);
  CAF_CHECK_EQUAL(unwanted, names{"run:a"});
  pass(2s);
  CAF_CHECK_EQUAL(unwanted, (names{"run:a", "run:b"}));
}

CAF_TEST(a_channel_without_viewers_makes_room_for_another) {
  for (const char* name : {"run:a", "run:b", "run:c"})
    connect(name);
  // Those that had messages stay longest.
  kept_tails[0].lock()->add("x", sys.clock().now());
  for (const auto& session : sessions)
    kill(session);
  connect("run:d");
  CAF_CHECK_EQUAL(unwanted, names{"run:b"});
  connect("run:e");
  CAF_CHECK_EQUAL(unwanted, (names{"run:b", "run:c"}));
  connect("run:f");
  CAF_CHECK_EQUAL(unwanted, (names{"run:b", "run:c", "run:a"}));
  CAF_CHECK_EQUAL(counters.channels_active.load(), 3);
  CAF_CHECK_EQUAL(refused(status2::transport::refusal::channels), 0);
}

CAF_TEST(the_next_subscriber_of_a_channel_goes_on_with_its_tail) {
  connect("run:a");
  const auto tail = kept_tails[0].lock();
  kill(subscribers[0]);
  CAF_REQUIRE_EQUAL(kept_tails.size(), 2u);
  CAF_CHECK(kept_tails[1].lock() == tail);
}

CAF_TEST(a_channel_that_is_left_keeps_no_messages) {
  connect("run:a");
  kept_tails[0].lock()->add("x", sys.clock().now());
  kill(sessions[0]);
  pass(5s);
  CAF_CHECK(kept_tails[0].expired());
  CAF_CHECK_EQUAL(tails.memory(), 0u);
}

CAF_TEST(a_channel_that_is_left_keeps_its_last_word) {
  connect("run:a");
  const auto epoch = kept_tails[0].lock()->epoch();
  latches.offer("run:a", {epoch, 7}, "end", sys.clock().now());
  kill(sessions[0]);
  pass(4s);
  CAF_CHECK_EQUAL(latches.find("run:a", sys.clock().now())->left_epoch, "");
  pass(1s);
  const auto* word = latches.find("run:a", sys.clock().now());
  CAF_REQUIRE(word != nullptr);
  CAF_CHECK_EQUAL(word->payload, "end");
  CAF_CHECK_EQUAL(word->left_epoch, epoch);
  connect("run:a");
  CAF_CHECK(kept_tails[1].lock()->epoch() != epoch);
}

CAF_TEST(a_dead_link_is_restarted_and_told_every_wanted_channel) {
  connect("run:a");
  connect("run:b");
  connect("run:b");
  wanted.clear();
  kill(links[0]);
  CAF_REQUIRE_EQUAL(links.size(), 2u);
  std::sort(wanted.begin(), wanted.end());
  CAF_CHECK_EQUAL(wanted, (names{"run:a", "run:b", "status2:canary"}));
  CAF_CHECK_EQUAL(counters.actor_restarts.load(), 1);
  connect("run:c");
  CAF_CHECK_EQUAL(wanted.back(), "run:c");
}

CAF_TEST(a_dead_subscriber_is_restarted_and_nothing_else_is_touched) {
  connect("run:a");
  connect("run:b");
  wanted.clear();
  gaps("run:a").revive(sys.clock().now());
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

CAF_TEST(a_drain_closes_every_session_over_its_window_and_then_ends_the_tree) {
  for (int i = 0; i < 10; ++i)
    connect("run:a");
  self->send(supervisor, drain{});
  consume_messages();
  CAF_CHECK(status.draining.load());
  CAF_CHECK_EQUAL(tree().at("children").as_array().size(), 3u + 9);
  pass(500ms);
  const auto half = tree().at("children").as_array().size() - 3;
  CAF_CHECK(half >= 4);
  CAF_CHECK(half <= 6);
  pass(600ms);
  bool ended = false;
  self->receive(
      [&](const caf::down_msg& down) {
        ended = true;
        CAF_CHECK_EQUAL(down.reason,
                        caf::make_error(caf::exit_reason::user_shutdown));
      },
      caf::after(0s) >> [] { CAF_FAIL("the supervisor is still there"); });
  CAF_CHECK(ended);
}

CAF_TEST(a_client_who_comes_during_a_drain_is_answered_503) {
  connect("run:a");
  CAF_REQUIRE_EQUAL(sessions.size(), 1u);
  std::array<int, 2> ends{};
  CAF_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  const status2::transport::unique_fd client(ends[0]);
  auto request = std::make_shared<status2::transport::upgrade_request>();
  request->stream =
      status2::transport::byte_stream(status2::transport::unique_fd(ends[1]));
  request->channel = {"run:b", 3};
  self->send(supervisor, drain{});
  self->send(supervisor, client_accepted{std::move(request)});
  consume_messages();
  CAF_CHECK_EQUAL(sessions.size(), 1u);
  std::array<char, 512> answer{};
  const auto count =
      ::recv(client.value(), answer.data(), answer.size(), MSG_DONTWAIT);
  CAF_REQUIRE(count > 0);
  const std::string text(answer.data(), static_cast<std::size_t>(count));
  CAF_CHECK(text.starts_with("HTTP/1.1 503 "));
  CAF_CHECK(text.find("Retry-After: ") != std::string::npos);
  CAF_CHECK(text.ends_with("shutting down\n"));
  CAF_CHECK_EQUAL(refused(status2::transport::refusal::drain), 1);
}

CAF_TEST(one_channel_more_than_the_limit_is_refused_and_the_others_go_on) {
  for (const char* name : {"run:a", "run:b", "run:c"})
    connect(name);
  connect("run:d");
  CAF_CHECK_EQUAL(sessions.size(), 3u);
  CAF_CHECK_EQUAL(refused(status2::transport::refusal::channels), 1);
  connect("run:a");
  CAF_CHECK_EQUAL(sessions.size(), 4u);
}

CAF_TEST(the_tree_shows_who_lives_and_how_often_it_was_restarted) {
  connect("run:a");
  connect("run:a");
  kill(links.back());
  pass(3s);
  const auto root = tree();
  CAF_CHECK(root.at("actor") == "supervisor");
  CAF_CHECK_EQUAL(root.at("uptime_seconds").to_number<double>(), 3.0);
  const auto& children = root.at("children").as_array();
  CAF_REQUIRE_EQUAL(children.size(), 5u);
  const auto& link = children[0].as_object();
  CAF_CHECK(link.at("actor") == "redis-link");
  CAF_CHECK_EQUAL(link.at("restarts").to_number<int>(), 1);
  CAF_CHECK_EQUAL(link.at("id").to_number<std::uint64_t>(), links.back().id());
  CAF_CHECK(children[1].as_object().at("actor") == "canary");
  const auto& subscriber = children[2].as_object();
  CAF_CHECK(subscriber.at("actor") == "subscriber:run:a");
  CAF_CHECK_EQUAL(subscriber.at("viewers").to_number<int>(), 2);
  CAF_CHECK_EQUAL(subscriber.at("deliveries").at("imbalance").to_number<int>(),
                  0);
  CAF_CHECK(children[3].as_object().at("channel") == "run:a");
}

CAF_TEST(a_kill_by_name_ends_that_actor_and_its_supervisor_acts) {
  connect("run:a");
  CAF_CHECK_EQUAL(ask_kill("subscriber:run:a"), 200u);
  CAF_CHECK_EQUAL(subscribers.size(), 2u);
  CAF_CHECK_EQUAL(ask_kill("redis-link"), 200u);
  CAF_CHECK_EQUAL(links.size(), 2u);
  CAF_CHECK_EQUAL(ask_kill("canary"), 200u);
  CAF_CHECK_EQUAL(canaries.size(), 2u);
  const auto name = "session:" + std::to_string(sessions[0].id());
  CAF_CHECK_EQUAL(ask_kill(name), 200u);
  CAF_CHECK_EQUAL(ask_kill(name), 404u);
  for (const char* nobody :
       {"", "session:", "session:x", "session:1x", "subscriber:run:b", "link"})
    CAF_CHECK_EQUAL(ask_kill(nobody), 404u);
}

CAF_TEST(a_killed_supervisor_says_so_by_its_exit_reason) {
  CAF_CHECK_EQUAL(ask_kill("supervisor"), 200u);
  self->receive(
      [](const caf::down_msg& down) {
        CAF_CHECK_EQUAL(down.reason, caf::make_error(caf::exit_reason::kill));
      },
      caf::after(0s) >> [] { CAF_FAIL("the supervisor is still there"); });
}

CAF_TEST(a_dead_link_interrupts_every_channel_from_where_it_had_come_to) {
  const auto start = sys.clock().now();
  const auto progress = std::make_shared<link_progress>();
  for (const char* name : {"run:a", "run:b"}) {
    connect(name);
    gaps(name).served_by(progress);
    gaps(name).revive(start);
  }
  pass(1min);
  progress->forwarded_until = start + 59s;
  gaps("run:a").sent();  // its subscriber handles it later
  kill(links.back());
  for (const char* name : {"run:a", "run:b"}) {
    CAF_CHECK(!live(name));
    const auto gap = gaps(name).revive(sys.clock().now());
    CAF_REQUIRE(gap.has_value());
    CAF_CHECK(gap->cause == status2::transport::gap_cause::restart);
    CAF_CHECK(gap->since == start + 59s);
  }
}

CAF_TEST(a_dead_subscriber_interrupts_its_channel_from_where_it_had_come_to) {
  const auto start = sys.clock().now();
  const auto progress = std::make_shared<link_progress>();
  for (const char* name : {"run:a", "run:b"}) {
    connect(name);
    gaps(name).served_by(progress);
    gaps(name).revive(start);
  }
  progress->forwarded_until = start + 1s;
  gaps("run:a").sent();
  progress->forwarded_until = start + 2s;
  pass(1min);
  kill(subscribers[0]);
  CAF_CHECK(live("run:b"));
  const auto gap = gaps("run:a").revive(sys.clock().now());
  CAF_REQUIRE(gap.has_value());
  CAF_CHECK(gap->since == start + 1s);
}

CAF_TEST(a_surfaced_outage_stays_so_until_the_link_is_up) {
  const auto becomes = [&](link_phase phase) {
    self->send(supervisor, link_status{phase});
    consume_messages();
  };
  becomes(link_phase::up);
  kill(links.back());
  CAF_CHECK(status.link == link_phase::interrupted);
  becomes(link_phase::surfaced);
  kill(links.back());
  CAF_CHECK(status.link == link_phase::surfaced);
  // Connected, and lost again before it was up.
  becomes(link_phase::interrupted);
  CAF_CHECK(status.link == link_phase::surfaced);
  becomes(link_phase::up);
  CAF_CHECK(status.link == link_phase::up);
  becomes(link_phase::interrupted);
  CAF_CHECK(status.link == link_phase::interrupted);
}

CAF_TEST(an_upstream_fault_reaches_the_connections_and_the_link) {
  status2::redis::upstream_fault harm;
  harm.what = status2::redis::upstream_fault::kind::stall;
  unsigned answered = 0;
  self->send(supervisor,
             fault_wanted{harm, [&](unsigned code, const std::string&) {
                            answered = code;
                          }});
  consume_messages();
  CAF_CHECK_EQUAL(answered, 200u);
  CAF_CHECK(fault->what == harm.what);
  CAF_CHECK_EQUAL(faults_seen, 1);
}

CAF_TEST(a_change_of_redis_is_passed_on_until_a_link_uses_it) {
  self->send(supervisor, redis_change{});
  consume_messages();
  CAF_CHECK_EQUAL(changes_seen, 1);
  CAF_CHECK_EQUAL(counters.redis_change_pending.load(), 1);
  // The first death restarts at once.
  kill(links.back());
  CAF_REQUIRE_EQUAL(links.size(), 2u);
  CAF_CHECK_EQUAL(changes_seen, 2);
  CAF_CHECK_EQUAL(changes_done, 0);
  self->send(supervisor, redis_changed{});
  consume_messages();
  CAF_CHECK_EQUAL(changes_done, 1);
  CAF_CHECK_EQUAL(counters.redis_change_pending.load(), 0);
}

CAF_TEST(a_shorter_linger_counts_for_channels_that_linger) {
  connect("run:a");
  kill(sessions.back());
  CAF_CHECK(unwanted.empty());
  self->send(supervisor, supervisor_limits{.channel_linger = 0s});
  consume_messages();
  CAF_CHECK_EQUAL(unwanted, names{"run:a"});
}

CAF_TEST_FIXTURE_SCOPE_END()
