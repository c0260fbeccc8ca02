#include "redis/subscription_machine.hpp"

#include "tests/support/scripted_reply.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;
using status2::support::add_reply;

namespace {

/// A transcript: each step's actions as short texts, such as
/// `subscribe 1 a b`, with time under the test's control.
struct script {
  script() { take(machine.start(now)); }

  script& want(std::vector<std::string> names) {
    return take(machine.want(names, now));
  }
  script& unwant(const std::string& name) {
    return take(machine.unwant(name, now));
  }
  script& opened(link_id link) { return take(machine.opened(link, now)); }
  /// Nobody answered; unless `kind` says that Redis refused the attempt.
  script& closed(link_id link, failure_kind kind = failure_kind::unreachable) {
    return take(machine.closed(link, "gone", kind, now));
  }
  script& refused(link_id link) { return closed(link, failure_kind::refused); }
  script& moved() { return take(machine.moved("elsewhere", {}, now)); }
  script& pass(std::chrono::milliseconds time) {
    for (auto end = now + time; now < end;) {
      now = std::min(end, std::max(machine.next_tick(), now + 1ms));
      take(machine.tick(now));
    }
    return *this;
  }
  /// `said` is a list such as "+a" (subscribed), "-a" (unsubscribed),
  /// "a=text" (message), "pong", "!text" (error).
  script& says(link_id link, std::vector<std::string> said) {
    reply_batch batch;
    batch.complete_until = now;
    for (auto& text : said)
      add_reply(batch, text);
    batch.read_at = now;
    batch.drained = true;
    bool serve = false;
    take(machine.read(link, batch, now, serve));
    if (serve) deliver(batch);
    return *this;
  }
  /// What happened since the last call.
  std::vector<std::string> seen() { return std::exchange(log, {}); }

  void deliver(const reply_batch& batch) {
    for (auto& reply : batch.replies)
      if (reply.kind == reply_kind::message)
        log.push_back(std::string(batch.first(reply)) + "=" +
                      std::string(batch.payload(reply)));
  }
  script& take(std::vector<action> actions) {
    static const char* const names[] = {
        "open",   "close",        "subscribe",     "unsubscribe", "ping",
        "live",   "not_live",     "missed",        "deliver",     "established",
        "added",  "interrupted",  "failed",        "refused",     "surfaced",
        "silent", "first_chosen", "second_chosen", "dropped"};
    for (auto& one : actions) {
      if (one.kind == action_kind::deliver) {
        deliver(one.batch);
        continue;
      }
      std::string text = names[static_cast<int>(one.kind)];
      if (one.link != 0) text += " " + std::to_string(one.link);
      if (one.established) text += " which served";
      auto names_in_order = one.channels;
      std::sort(names_in_order.begin(), names_in_order.end());
      for (auto& name : names_in_order)
        text += " " + name;
      log.push_back(text);
      if (one.since) last_since = *one.since;
      last_wait = one.wait.count() != 0 ? one.wait : last_wait;
    }
    return *this;
  }

  std::chrono::steady_clock::time_point now{1h};
  double chance = 0;
  subscription_machine machine{
      {.request_timeout = 1s, .retry = {1s, 30s}, .max_retries = 3, .batch = 2},
      [this] { return chance; }};
  std::chrono::nanoseconds last_wait{0};
  subscription_machine::time_point last_since{};
  std::vector<std::string> log;
};

using lines = std::vector<std::string>;

bool contains(const lines& all, std::string_view line) {
  return std::find(all.begin(), all.end(), line) != all.end();
}

/// A script with channel `a` acknowledged on link 1.
script& serve_a(script& s) {
  s.want({"a"}).opened(1).says(1, {"+a"}).seen();
  return s;
}

}  // namespace

CAF_TEST(a_channel_is_live_only_when_redis_has_acknowledged_it) {
  script s;
  CAF_CHECK_EQUAL(s.want({"a"}).seen(), (lines{"open 1"}));
  CAF_CHECK_EQUAL(s.opened(1).seen(), (lines{"subscribe 1 a"}));
  CAF_CHECK(!s.machine.live("a"));
  CAF_CHECK_EQUAL(s.says(1, {"+a"}).seen(),
                  (lines{"live 1 a", "established 1"}));
  CAF_CHECK(s.machine.live("a"));
  CAF_CHECK_EQUAL(s.says(1, {"a=x", "a=y"}).seen(), (lines{"a=x", "a=y"}));
}

CAF_TEST(many_channels_go_out_in_batches) {
  script s;
  s.want({"a", "b", "c", "d", "e"}).seen();
  auto commands = s.opened(1).seen();
  CAF_CHECK_EQUAL(commands.size(), 3u);
}

CAF_TEST(a_channel_that_is_wanted_twice_is_subscribed_once) {
  script s;
  serve_a(s);
  CAF_CHECK_EQUAL(s.want({"a"}).seen(), lines{});
}

CAF_TEST(a_new_channel_on_a_working_link_is_added) {
  script s;
  serve_a(s);
  CAF_CHECK_EQUAL(s.want({"b"}).seen(), (lines{"subscribe 1 b"}));
  CAF_CHECK_EQUAL(s.says(1, {"+b"}).seen(), (lines{"live 1 b", "added 1 b"}));
}

CAF_TEST(a_channel_that_comes_back_before_its_unsubscribe_is_answered_is_live) {
  script s;
  serve_a(s);
  s.unwant("a").want({"a"});
  CAF_CHECK_EQUAL(s.seen(), (lines{"unsubscribe 1 a", "subscribe 1 a"}));
  CAF_CHECK_EQUAL(s.says(1, {"-a"}).seen(), lines{});
  CAF_CHECK(!s.machine.live("a"));
  CAF_CHECK_EQUAL(s.says(1, {"+a"}).seen(), (lines{"live 1 a", "added 1 a"}));
}

CAF_TEST(a_lost_link_is_opened_again_at_once_and_subscribes_everything) {
  script s;
  serve_a(s);
  s.pass(500ms);
  CAF_CHECK_EQUAL(s.closed(1).seen(),
                  (lines{"not_live a", "interrupted", "open 2"}));
  CAF_CHECK_EQUAL(s.opened(2).seen(), (lines{"subscribe 2 a"}));
  CAF_CHECK_EQUAL(s.says(2, {"+a"}).seen(),
                  (lines{"live 2 a", "established 2"}));
}

CAF_TEST(refused_attempts_wait_longer_and_surface_once) {
  script s;
  s.chance = 0.999;
  s.seen();
  CAF_CHECK_EQUAL(s.refused(1).seen(), (lines{"failed"}));
  CAF_CHECK(s.last_wait > 1990ms && s.last_wait < 2s);
  s.pass(2s).refused(2);
  CAF_CHECK_EQUAL(s.seen(), (lines{"open 2", "failed"}));
  CAF_CHECK(s.last_wait > 3900ms && s.last_wait < 4s);
  s.pass(4s).refused(3);
  CAF_CHECK_EQUAL(s.seen(), (lines{"open 3", "failed", "surfaced"}));
  s.pass(8s).refused(4);
  CAF_CHECK_EQUAL(s.seen(), (lines{"open 4", "failed"}));
  for (link_id link = 5; link < 12; ++link)
    s.pass(30s).refused(link);
  CAF_CHECK(s.last_wait <= 30s);
}

CAF_TEST(while_nobody_answers_attempts_are_quick_and_few_failures_count) {
  script s;
  s.chance = 0.5;
  s.seen();
  link_id link = 1;
  std::size_t attempts = 0;
  std::size_t failures = 0;
  std::size_t surfaced_after = 0;
  for (const auto start = s.now; s.now < start + 60s; ++attempts) {
    s.closed(link++).pass(50ms);
    const auto seen = s.seen();
    CAF_CHECK(contains(seen, "open " + std::to_string(link)));
    failures += static_cast<std::size_t>(contains(seen, "failed"));
    if (contains(seen, "surfaced")) surfaced_after = failures;
  }
  CAF_CHECK_EQUAL(attempts, 1200u);
  // After 0, 1.5, 4, 8.5, 17, 32.5 and 48 seconds.
  CAF_CHECK_EQUAL(failures, 7u);
  CAF_CHECK_EQUAL(surfaced_after, 3u);
}

CAF_TEST(an_attempt_that_goes_on_reports_its_failures_at_the_same_pace) {
  script s;
  s.seen();
  s.take(s.machine.unanswered(1, "refused", s.now));
  CAF_CHECK_EQUAL(s.seen(), (lines{"failed"}));
  s.take(s.machine.unanswered(1, "refused", s.now + 999ms));
  CAF_CHECK_EQUAL(s.seen(), lines{});
  s.take(s.machine.unanswered(1, "refused", s.now + 1s));
  CAF_CHECK_EQUAL(s.seen(), (lines{"failed"}));
}

CAF_TEST(connections_that_keep_breaking_are_slowed_down) {
  script s;
  s.want({"a"});
  link_id link = 1;
  for (; link <= 20; ++link) {
    s.opened(link).says(link, {"+a"}).pass(100ms).closed(link);
    CAF_CHECK(contains(s.seen(), "open " + std::to_string(link + 1)));
  }
  s.opened(link).says(link, {"+a"}).pass(100ms).closed(link).seen();
  CAF_CHECK_EQUAL(s.pass(999ms).seen(), lines{});
  CAF_CHECK_EQUAL(s.pass(1ms).seen(), (lines{"open 22"}));
}

CAF_TEST(failures_count_until_redis_has_acknowledged_a_subscription) {
  script s;
  s.want({"a", "b"}).seen();
  link_id link = 1;
  for (int i = 0; i < 3; ++i, ++link) {
    s.opened(link).seen();
    const auto seen = s.says(link, {"!ERR unknown command 'SUBSCRIBE'"}).seen();
    CAF_CHECK(contains(seen, "failed"));
    CAF_CHECK(!contains(seen, "established " + std::to_string(link)));
    CAF_CHECK_EQUAL(contains(seen, "surfaced"), i == 2);
    CAF_CHECK_EQUAL(s.machine.refused_count(), 2u);
    s.pass(i == 0 ? 1s : 2s);
    CAF_CHECK(contains(s.seen(), "open " + std::to_string(link + 1)));
  }
  s.opened(link).says(link, {"+a", "+b"});
  CAF_CHECK(contains(s.seen(), "established 4"));
  CAF_CHECK_EQUAL(s.machine.refused_count(), 0u);
}

CAF_TEST(a_channel_that_is_allowed_serves_though_all_before_were_refused) {
  script s;
  s.want({"a"}).opened(1).says(1, {"!NOPERM no"}).seen();
  CAF_CHECK(s.machine.state() == link_state::subscribing);
  CAF_CHECK_EQUAL(s.want({"b"}).seen(), (lines{"subscribe 1 b"}));
  CAF_CHECK_EQUAL(s.says(1, {"+b"}).seen(),
                  (lines{"live 1 b", "established 1"}));
  CAF_CHECK(s.machine.state() == link_state::serving);
  // The attempt that the refusal had put off is off.
  CAF_CHECK(!contains(s.pass(900ms).seen(), "close 1"));
}

CAF_TEST(any_answer_to_a_ping_proves_life) {
  for (const auto* text : {"!BUSY a script", "!MISCONF no disk",
                           "!MASTERDOWN no link", "!NOPERM ping"}) {
    script s;
    serve_a(s);
    s.pass(1s).says(1, {text}).seen();
    CAF_CHECK_EQUAL(s.pass(999ms).seen(), lines{});
    CAF_CHECK_EQUAL(s.pass(1ms).seen(), (lines{"ping 1"}));
    CAF_CHECK(s.machine.live("a"));
  }
}

CAF_TEST(a_redis_that_is_busy_is_asked_again_after_a_tenth_of_a_second) {
  for (const auto* text : {"!BUSY a script", "!LOADING the dataset"}) {
    script s;
    serve_a(s);
    s.want({"b"}).says(1, {text}).seen();
    CAF_CHECK_EQUAL(s.pass(99ms).seen(), lines{});
    CAF_CHECK_EQUAL(s.pass(1ms).seen(), (lines{"subscribe 1 b"}));
    s.unwant("a").says(1, {"+b", text}).seen();
    CAF_CHECK_EQUAL(s.pass(100ms).seen(), (lines{"unsubscribe 1 a"}));
  }
}

CAF_TEST(a_subscription_that_redis_ends_by_itself_is_not_live) {
  script s;
  serve_a(s);
  CAF_CHECK_EQUAL(s.says(1, {"-a"}).seen(),
                  (lines{"not_live 1 a", "dropped 1 a"}));
  CAF_CHECK(!s.machine.live("a"));
}

CAF_TEST(a_link_whose_redis_has_moved_is_opened_again_at_once) {
  script s;
  serve_a(s);
  s.pass(500ms).seen();
  CAF_CHECK_EQUAL(s.moved().seen(),
                  (lines{"close 1", "not_live a", "interrupted", "open 2"}));
  // Also one that is being opened, or is silent.
  CAF_CHECK_EQUAL(s.moved().seen(), (lines{"close 2", "open 3"}));
  s.opened(3).says(3, {"+a"}).pass(2100ms).seen();
  CAF_CHECK_EQUAL(s.moved().seen(), (lines{"close 4", "close 3", "not_live a",
                                           "interrupted", "open 5"}));
}

CAF_TEST(a_thread_that_was_late_gives_redis_its_time_again) {
  script s;
  serve_a(s);
  s.pass(1s).seen();  // a PING is under way
  s.now += 5s;        // the process was stopped
  CAF_CHECK_EQUAL(s.take(s.machine.tick(s.now)).seen(), lines{});
  CAF_CHECK_EQUAL(s.pass(1s).seen(), (lines{"silent 1", "open 2"}));
}

CAF_TEST(a_silent_channel_is_no_fault) {
  script s;
  serve_a(s);
  for (int i = 0; i < 10; ++i) {
    CAF_CHECK_EQUAL(s.pass(1s).seen(), (lines{"ping 1"}));
    CAF_CHECK_EQUAL(s.says(1, {"pong"}).seen(), lines{});
  }
}

CAF_TEST(a_link_that_leaves_a_ping_unanswered_is_doubled_not_dropped) {
  script s;
  serve_a(s);
  CAF_CHECK_EQUAL(s.pass(2s).seen(), (lines{"ping 1", "silent 1", "open 2"}));
  CAF_CHECK(s.machine.live("a"));
}

CAF_TEST(a_first_link_that_speaks_again_ends_the_second_and_nothing_is_lost) {
  script s;
  serve_a(s);
  s.pass(2s).opened(2).seen();
  CAF_CHECK_EQUAL(s.says(1, {"a=late"}).seen(),
                  (lines{"close 2", "first_chosen 1 which served", "a=late"}));
  CAF_CHECK_EQUAL(s.says(2, {"+a", "a=late"}).seen(), lines{});
}

CAF_TEST(a_first_link_that_never_served_is_not_up_because_it_speaks) {
  script s;
  s.want({"a", "b"}).opened(1).says(1, {"+a"}).pass(2s).opened(2).seen();
  CAF_CHECK_EQUAL(
      s.says(1, {"+b"}).seen(),
      (lines{"close 2", "first_chosen 1", "live 1 b", "established 1"}));
}

CAF_TEST(the_second_link_takes_over_when_it_has_everything_and_the_first_none) {
  script s;
  serve_a(s);
  s.want({"b"}).says(1, {"+b"});
  s.pass(2s).opened(2).seen();
  // What comes before every channel is acknowledged is kept, not dropped.
  CAF_CHECK_EQUAL(s.says(2, {"+a", "a=1"}).seen(), lines{});
  CAF_CHECK_EQUAL(s.says(2, {"a=2", "+b", "b=3"}).seen(),
                  (lines{"second_chosen 2", "close 1", "missed 2 a b", "a=1",
                         "a=2", "b=3", "established 2"}));
  CAF_CHECK_EQUAL(s.says(1, {"a=old"}).seen(), lines{});
  CAF_CHECK_EQUAL(s.says(2, {"a=4"}).seen(), (lines{"a=4"}));
}

CAF_TEST(what_may_be_missed_begins_with_the_last_sign_of_life) {
  script s;
  serve_a(s);
  const auto heard = s.now;
  s.pass(500ms).closed(1);
  CAF_CHECK(s.last_since == heard);
  s.opened(2).says(2, {"+a"});
  const auto heard_again = s.now;
  s.pass(2s).opened(3).pass(100ms).says(3, {"+a"}).seen();
  CAF_CHECK(s.machine.live("a"));
  CAF_CHECK(s.last_since == heard_again);
}

CAF_TEST(channels_of_greatest_weight_are_subscribed_first) {
  const std::vector<std::string> names{"a", "bbb", "cc", "dddd"};
  subscription_machine machine(
      {}, [] { return 0.5; }, [](const std::string& n) { return n.size(); });
  subscription_machine::time_point now{};
  machine.start(now);
  machine.want(names, now);
  const auto actions = machine.opened(1, now);
  CAF_REQUIRE_EQUAL(actions.size(), 1u);
  CAF_CHECK_EQUAL(actions[0].channels, (lines{"dddd", "bbb", "cc", "a"}));
}

CAF_TEST(a_silent_link_that_breaks_leaves_the_second_in_charge) {
  script s;
  serve_a(s);
  s.pass(2s).opened(2).seen();
  CAF_CHECK_EQUAL(s.closed(1).seen(), (lines{"not_live a", "interrupted"}));
  CAF_CHECK_EQUAL(s.says(2, {"+a", "a=1"}).seen(),
                  (lines{"live 2 a", "established 2", "a=1"}));
}

CAF_TEST(a_second_link_that_fails_is_tried_again_while_the_first_is_silent) {
  script s;
  serve_a(s);
  s.pass(2s).seen();
  CAF_CHECK_EQUAL(s.refused(2).seen(), (lines{"failed"}));
  CAF_CHECK_EQUAL(s.pass(1s).seen(), (lines{"open 3"}));
  CAF_CHECK_EQUAL(s.says(1, {"a=x"}).seen(),
                  (lines{"close 3", "first_chosen 1 which served", "a=x"}));
}

CAF_TEST(a_refused_channel_does_not_harm_the_others) {
  script s;
  s.want({"a", "b"}).opened(1);
  s.seen();
  // One command held both, so Redis refused both.
  auto halves = s.says(1, {"!NOPERM no access"}).seen();
  CAF_CHECK_EQUAL(halves.size(), 2u);
  bool a_first = halves.front() == "subscribe 1 a";
  s.says(1, a_first ? lines{"!NOPERM a", "+b"} : lines{"+b", "!NOPERM a"});
  auto seen = s.seen();
  CAF_CHECK(std::find(seen.begin(), seen.end(), "refused 1 a") != seen.end());
  CAF_CHECK(std::find(seen.begin(), seen.end(), "live 1 b") != seen.end());
  CAF_CHECK(std::find(seen.begin(), seen.end(), "established 1") != seen.end());
  // It is asked for again in time, and works once Redis lets it.
  for (int i = 0; i < 35; ++i)
    s.pass(1s).says(1, {"pong"});
  seen = s.seen();
  CAF_CHECK(contains(seen, "subscribe 1 a"));
  CAF_CHECK_EQUAL(s.says(1, {"+a"}).seen(), (lines{"live 1 a", "added 1 a"}));
}

CAF_TEST(an_error_that_answers_nothing_ends_nothing) {
  script s;
  serve_a(s);
  CAF_CHECK_EQUAL(s.says(1, {"a=last", "!ERR whatever"}).seen(),
                  (lines{"a=last"}));
  CAF_CHECK(s.machine.live("a"));
}

CAF_TEST(a_link_whose_last_answer_is_for_a_channel_left_is_established) {
  script s;
  s.want({"a", "b", "c"}).opened(1).says(1, {"+a", "+b"}).seen();
  s.unwant("c");
  s.says(1, {"+c"});
  CAF_CHECK(contains(s.seen(), "established 1"));
}

CAF_TEST(events_of_a_forgotten_link_are_ignored) {
  script s;
  serve_a(s);
  s.closed(1).seen();
  CAF_CHECK_EQUAL(s.opened(1).closed(1).says(1, {"a=x"}).seen(), lines{});
}
