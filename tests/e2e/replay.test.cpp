// A page that opens late or comes back gets what it missed, or is told.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <caf/test/unit_test.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

struct seen {
  std::string data;  ///< payloads, each with a space behind it
  std::string ids;
  std::string newest;   ///< id
  std::string latched;  ///< last words that came first, as `data`
  std::vector<std::string> causes;
  std::optional<bool> complete;
  std::int64_t replayed = -1;
};

void add(seen& all, const std::string& text) {
  const auto frame = boost::json::parse(text).as_object();
  const std::string type(frame.at("type").as_string());
  if (const auto* id = frame.if_contains("id"))
    all.newest = id->as_string().c_str();
  if (type == "status") {
    const auto payload = std::string(frame.at("data").as_string()) + ' ';
    (frame.contains("latched") ? all.latched : all.data) += payload;
  } else if (type == "gap") {
    all.causes.emplace_back(frame.at("cause").as_string());
  } else if (type == "resumed") {
    all.complete = frame.at("complete").as_bool();
    all.replayed = frame.at("replayed").as_int64();
  }
}

/// Everything up to the end of the replay.
seen replay_of(viewer& client) {
  seen all;
  while (!all.complete) {
    const auto text = client.next_message();
    CAF_REQUIRE(!text.empty());
    add(all, text);
  }
  return all;
}

/// The id of the next message, whose payload must be `payload`.
std::string id_of_next(viewer& client, std::string_view payload) {
  seen one;
  add(one, client.next_message());
  CAF_CHECK_EQUAL(one.data, std::string(payload) + ' ');
  return one.newest;
}

/// A channel that keeps its messages when its viewers are gone.
struct kept_stage : stage {
  explicit kept_stage(environment more = {}) : stage(with_linger(more)) {
    CAF_REQUIRE(first.live());
  }
  static environment with_linger(environment more) {
    more.emplace("STATUS_TAIL_LINGER", "1h");
    return more;
  }
  viewer watch(const std::string& query) { return view("/run:a?" + query); }
  /// Publishes, and waits until the broker has it.
  void publish(std::initializer_list<std::string_view> payloads) {
    for (const auto payload : payloads) {
      CAF_REQUIRE_EQUAL(redis.publish("run:a", std::string(payload)), 1);
      CAF_REQUIRE_EQUAL(first.next_message(), status_text(payload));
    }
  }
  viewer first = view("run:a");
};

}  // namespace

CAF_TEST(a_page_that_opens_late_gets_the_last_messages) {
  kept_stage s;
  s.publish({"one", "two", "three"});
  auto late = s.watch("tail=2");
  const auto replay = replay_of(late);
  CAF_CHECK_EQUAL(replay.data, "two three ");
  CAF_CHECK(replay.complete == true);
  CAF_CHECK_EQUAL(replay.replayed, 2);
  s.publish({"four"});
  CAF_CHECK(id_of_next(late, "four") != replay.newest);
}

CAF_TEST(a_page_that_comes_back_gets_what_it_missed) {
  kept_stage s;
  auto page = s.watch("tail=0");
  CAF_CHECK_EQUAL(replay_of(page).replayed, 0);
  s.publish({"one"});
  const auto id = id_of_next(page, "one");
  page.connection().close();
  s.publish({"two", "three"});
  auto again = s.watch("since=" + id);
  const auto replay = replay_of(again);
  CAF_CHECK_EQUAL(replay.data, "two three ");
  CAF_CHECK(replay.complete == true);
}

CAF_TEST(a_page_that_saw_nothing_comes_back_with_the_id_of_the_replay) {
  kept_stage s;
  s.publish({"before"});
  auto page = s.watch("tail=0");
  const auto id = replay_of(page).newest;
  page.connection().close();
  s.publish({"one"});
  auto again = s.watch("since=" + id);
  CAF_CHECK_EQUAL(replay_of(again).data, "one ");
}

CAF_TEST(the_messages_outlive_the_last_viewer) {
  kept_stage s;
  s.publish({"one"});
  s.first.connection().close();
  CAF_REQUIRE(s.broker.metric_becomes("status2_connections_active", 0));
  CAF_REQUIRE_EQUAL(s.redis.publish("run:a", "two"), 1);
  CAF_REQUIRE(s.broker.metric_becomes("status2_messages_unwatched_total", 1));
  auto late = s.watch("tail=10");
  CAF_CHECK_EQUAL(replay_of(late).data, "one two ");
}

CAF_TEST(an_unknown_id_gives_the_whole_tail_and_says_that_it_may_not_be_all) {
  kept_stage s;
  s.publish({"one", "two"});
  for (const auto* id : {"", "x", "%00", "abc-1.1", "abcdefghijkl-1.99999"}) {
    auto page = s.watch(std::string("since=") + id);
    const auto replay = replay_of(page);
    CAF_CHECK_EQUAL(replay.data, "one two ");
    CAF_CHECK(replay.complete == false);
    CAF_CHECK(replay.causes == std::vector<std::string>{"elsewhere"});
  }
  CAF_CHECK_EQUAL(s.broker.value("status2_replays_incomplete_total"), 5);
}

CAF_TEST(messages_that_are_no_longer_kept_are_a_gap) {
  kept_stage s(environment{{"STATUS_TAIL_MESSAGES", "2"}});
  auto page = s.watch("tail=0");
  replay_of(page);
  s.publish({"one"});
  const auto id = id_of_next(page, "one");
  s.publish({"two", "three", "four"});
  auto again = s.watch("since=" + id);
  const auto replay = replay_of(again);
  CAF_CHECK_EQUAL(replay.data, "three four ");
  CAF_CHECK(replay.complete == false);
  CAF_CHECK(replay.causes == std::vector<std::string>{"evicted"});
}

CAF_TEST(an_id_of_an_earlier_start_of_the_broker_is_from_elsewhere) {
  kept_stage s;
  auto page = s.watch("tail=0");
  const auto id = replay_of(page).newest;
  broker_process next(s.redis);
  auto again = next.view("/run:a?since=" + id);
  const auto replay = replay_of(again);
  CAF_CHECK(replay.complete == false);
  CAF_CHECK(replay.causes == std::vector<std::string>{"elsewhere"});
}

CAF_TEST(a_lost_link_is_a_gap_between_the_messages) {
  kept_stage s;
  s.publish({"one"});
  auto page = s.watch("tail=9");
  const auto id = replay_of(page).newest;
  s.redis.kill_pubsub_clients();
  std::string text;
  while (text.find("\"gap\"") == std::string::npos) {
    text = page.next_message();
    CAF_REQUIRE(!text.empty());
  }
  CAF_CHECK(text.find("\"id\":") != std::string::npos);
  CAF_REQUIRE(s.first.live());
  s.publish({"two"});
  auto again = s.watch("since=" + id);
  const auto replay = replay_of(again);
  CAF_CHECK_EQUAL(replay.data, "two ");
  CAF_CHECK(replay.complete == false);
  CAF_CHECK(replay.causes == std::vector<std::string>{"redis"});
  // A client that was told of the gap misses nothing more.
  seen live;
  add(live, text);
  auto told = s.watch("since=" + live.newest);
  CAF_CHECK(replay_of(told).complete == true);
}

CAF_TEST(a_page_that_returns_after_the_run_has_ended_learns_it) {
  stage s(environment{{"STATUS_LATCH_PATTERNS", "COMPLETED*, EXCEPTION *"},
                      {"STATUS_TAIL_LINGER", "0s"},
                      {"STATUS_CHANNEL_LINGER", "100ms"}});
  auto page = s.view("/run:a?tail=0");
  replay_of(page);
  CAF_REQUIRE_EQUAL(s.redis.publish("run:a", "step"), 1);
  const auto before = id_of_next(page, "step");
  CAF_REQUIRE_EQUAL(s.redis.publish("run:a", "COMPLETED run"), 1);
  const auto id = id_of_next(page, "COMPLETED run");
  const auto leave = [&] {
    page.connection().close();
    CAF_REQUIRE(s.broker.metric_becomes("status2_channels_active", 0));
  };
  leave();
  CAF_CHECK_EQUAL(s.broker.value("status2_latched_channels"), 1);
  CAF_CHECK_GREATER(s.broker.value("status2_latch_memory_bytes"), 0.0);
  // A new page, whose first frame is the last word.
  page = s.view("/run:a?tail=9");
  CAF_CHECK_EQUAL(page.next_message(),
                  R"({"type":"status","id":")" + id +
                      R"(","latched":true,"data":"COMPLETED run"})");
  auto replay = replay_of(page);
  CAF_CHECK_EQUAL(replay.data, "");
  CAF_CHECK(replay.complete == true);
  CAF_CHECK_EQUAL(replay.replayed, 1);
  const auto later = replay.newest;
  leave();
  // Pages that come back: one that missed it, and two that have it.
  for (const auto& [since, latched] :
       {std::pair{before, "COMPLETED run "}, std::pair{id, ""},
        std::pair{later, ""}}) {
    page = s.view("/run:a?since=" + since);
    replay = replay_of(page);
    CAF_CHECK_EQUAL(replay.latched, latched);
    CAF_CHECK(replay.complete == false);
    CAF_CHECK(replay.causes == std::vector<std::string>{"evicted"});
  }
}

CAF_TEST(a_replay_waits_for_the_subscription) {
  redis_server redis;
  broker_process broker(redis);
  CAF_REQUIRE(broker.metric_becomes("status2_redis_up", 1));
  redis.stop();
  CAF_REQUIRE(broker.logs("redis stream interrupted"));
  auto page = broker.view("/run:a?tail=5");
  redis.start();
  CAF_CHECK(replay_of(page).complete == true);
  CAF_CHECK_EQUAL(redis.publish("run:a", "one"), 1);
  id_of_next(page, "one");
}

CAF_TEST(a_client_that_asks_for_neither_gets_the_bytes_it_always_got) {
  kept_stage s;
  auto page = s.watch("tail=0");
  replay_of(page);
  auto plain = s.view("/run:a?gap=1");
  CAF_REQUIRE(plain.live());
  s.publish({"one"});
  CAF_CHECK_EQUAL(plain.next_message(), status_text("one"));
}

CAF_TEST(a_long_replay_follows_the_pace_of_its_client) {
  kept_stage s(environment{{"STATUS_TAIL_MESSAGES", "200"},
                           {"STATUS_WRITE_TIMEOUT", "1h"}});
  // More than sockets and outboxes hold.
  const std::string payload(20000, 'x');
  constexpr int count = 200;
  for (int i = 0; i < count; ++i)
    s.publish({payload});
  viewer_options small;
  small.receive_buffer = 32768;
  auto page = s.broker.view("/run:a?tail=200", small);
  // It reads nothing, and nobody else notices.
  CAF_REQUIRE(eventually(patience, [&] {
    return s.broker.value("status2_messages_waiting") > 0;
  }));
  s.publish({"live"});
  CAF_CHECK_LESS(s.broker.value("status2_outbox_memory_bytes"), 2000000.0);
  const auto replay = replay_of(page);
  CAF_CHECK(replay.complete == true);
  CAF_CHECK_EQUAL(replay.data.size(), count * (payload.size() + 1) + 5);
}
