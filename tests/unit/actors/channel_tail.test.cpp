// The last messages of a channel: numbers, limits, and where a replay begins.
#include "actors/channel_tail.hpp"

#include "actors/counters.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace status2::actors;
using namespace std::chrono_literals;
using status2::transport::gap;
using status2::transport::gap_cause;
using status2::transport::replay_request;

namespace {

using time_point = channel_tail::time_point;

constexpr time_point at(std::chrono::nanoseconds time) {
  return time_point{time};
}

struct store {
  explicit store(tail_limits limits = {}) : tails(limits, counters) {}
  broker_counters counters;
  tail_store tails;
};

/// A channel that is live since 1 s.
struct channel : store {
  explicit channel(tail_limits limits = {}) : store(limits), tail(tails) {
    tail.begin(at(1s));
  }
  void add(std::initializer_list<std::string_view> payloads,
           std::chrono::nanoseconds time = 2s) {
    for (const auto payload : payloads)
      tail.add(payload, at(time));
  }
  std::string id(std::uint64_t number) const {
    return tail.epoch() + "." + std::to_string(number);
  }
  /// The entries behind `after`: `number=payload`, or `number!`, a gap.
  std::string behind(std::uint64_t after) const {
    std::string out;
    tail.for_each(after, [&](const channel_tail::entry& entry) {
      out += std::to_string(entry.number);
      out += entry.gap != nullptr ? "!" : "=" + std::string(entry.payload);
      out += ' ';
      return true;
    });
    return out;
  }
  std::string since(const std::string& text,
                    std::optional<std::size_t> most = {}) {
    return replay({text, most});
  }
  std::string last(std::size_t most) { return replay({{}, most}); }
  /// Cause of what is missing, then the entries.
  std::string replay(const replay_request& wanted,
                     std::chrono::nanoseconds now = 3s) {
    const auto start = tail.find(wanted, at(now));
    std::string out;
    if (start.missing)
      out = start.missing->cause == gap_cause::evicted ? "evicted "
                                                       : "elsewhere ";
    return out + behind(start.after);
  }
  channel_tail tail;
};

constexpr gap some_gap{gap::time_point{1s}, gap::time_point{2s},
                       gap_cause::redis};

}  // namespace

CAF_TEST(entries_are_numbered_from_one) {
  channel c;
  CAF_CHECK_EQUAL(c.tail.last(), 0u);
  CAF_CHECK_EQUAL(c.tail.add("a", at(2s)), 1u);
  CAF_CHECK_EQUAL(c.tail.add(some_gap, at(2s)), 2u);
  CAF_CHECK_EQUAL(c.tail.add("", at(2s)), 3u);
  CAF_CHECK_EQUAL(c.tail.last(), 3u);
  CAF_CHECK_EQUAL(c.behind(0), "1=a 2! 3= ");
  CAF_CHECK_EQUAL(c.behind(2), "3= ");
  CAF_CHECK_EQUAL(c.behind(3), "");
}

CAF_TEST(a_client_goes_on_behind_the_message_that_it_has) {
  channel c;
  c.add({"a", "b", "c"});
  CAF_CHECK_EQUAL(c.since(c.id(0)), "1=a 2=b 3=c ");
  CAF_CHECK_EQUAL(c.since(c.id(2)), "3=c ");
  CAF_CHECK_EQUAL(c.since(c.id(3)), "");
  CAF_CHECK_EQUAL(c.since(c.id(1), 1), "2=b 3=c ");
}

CAF_TEST(an_id_that_the_channel_does_not_know_gives_the_whole_tail) {
  channel c;
  c.add({"a", "b"});
  channel_tail later(c.tails);
  const auto instance = c.tail.epoch().substr(0, c.tail.epoch().find('-'));
  for (const auto& text : {std::string("x"), std::string(), c.id(3),
                           std::string("abc-1.1"), std::string("abc-1.x")})
    CAF_CHECK_EQUAL(c.since(text), "elsewhere 1=a 2=b ");
  CAF_CHECK_EQUAL(c.since(later.epoch() + ".1"), "evicted 1=a 2=b ");
  CAF_CHECK_EQUAL(c.since("x", 1), "elsewhere 2=b ");
}

CAF_TEST(a_tail_is_the_last_messages_and_the_gaps_between_them) {
  channel c;
  c.add({"a", "b"});
  c.tail.add(some_gap, at(2s));
  c.add({"c"});
  CAF_CHECK_EQUAL(c.last(0), "");
  CAF_CHECK_EQUAL(c.last(1), "4=c ");
  CAF_CHECK_EQUAL(c.last(2), "2=b 3! 4=c ");
  CAF_CHECK_EQUAL(c.last(9), "1=a 2=b 3! 4=c ");
  CAF_CHECK_EQUAL(c.replay({}), "1=a 2=b 3! 4=c ");
}

CAF_TEST(the_newest_messages_stay) {
  for (const std::size_t most : {1U, 2U, 3U, 9U, 100U}) {
    channel c({.messages = most});
    for (int i = 1; i <= 1000; ++i) {
      c.add({std::to_string(i)});
      const auto kept = std::min<std::size_t>(most, i);
      CAF_REQUIRE(c.tail.find({}, at(2s)).after == i - kept);
    }
    CAF_CHECK_EQUAL(c.tail.last(), 1000u);
    CAF_CHECK_EQUAL(c.last(1), "1000=1000 ");
  }
}

CAF_TEST(messages_that_went_are_missing) {
  channel c({.messages = 2});
  c.add({"a", "b", "c", "d"});
  CAF_CHECK_EQUAL(c.since(c.id(0)), "evicted 3=c 4=d ");
  CAF_CHECK_EQUAL(c.since(c.id(1)), "evicted 3=c 4=d ");
  CAF_CHECK_EQUAL(c.since(c.id(2)), "3=c 4=d ");
  CAF_CHECK_EQUAL(c.last(9), "3=c 4=d ");
}

CAF_TEST(a_hole_ends_with_the_last_message_that_is_not_replayed) {
  channel c({.messages = 3});
  for (const auto time : {2s, 3s, 4s, 5s, 6s})
    c.add({"x"}, time);
  const auto evicted = c.tail.find({c.id(0), {}}, at(6s));
  CAF_CHECK(evicted.missing->since == at(1s));
  CAF_CHECK(evicted.missing->until == at(3s));
  const auto shorter = c.tail.find({c.id(0), 1}, at(6s));
  CAF_CHECK(shorter.missing->until == at(5s));
  const auto unknown = c.tail.find({"x", {}}, at(6s));
  CAF_CHECK(!unknown.missing->since);
  CAF_CHECK(unknown.missing->until == at(3s));
  // What was published before the channel was live is missing too.
  channel empty;
  CAF_CHECK(empty.tail.find({"x", {}}, at(6s)).missing->until == at(1s));
}

CAF_TEST(old_messages_go) {
  channel c({.age = 10s});
  c.add({"a"}, 2s);
  c.add({"b"}, 8s);
  CAF_CHECK_EQUAL(c.replay({}, 12s), "1=a 2=b ");
  CAF_CHECK_EQUAL(c.replay({}, 13s), "2=b ");
  CAF_CHECK_EQUAL(c.replay({c.id(0), {}}, 13s), "evicted 2=b ");
  CAF_CHECK_EQUAL(c.replay({c.id(2), {}}, 60s), "");
  CAF_CHECK_EQUAL(c.tails.memory(), 0u);
}

CAF_TEST(a_replay_that_was_overtaken_goes_on_behind_a_hole) {
  channel c({.messages = 2});
  c.add({"a", "b", "c", "d"});
  CAF_CHECK(!c.tail.go_on(2, at(3s)).missing);
  const auto late = c.tail.go_on(1, at(3s));
  CAF_CHECK_EQUAL(late.after, 2u);
  CAF_CHECK(late.missing->cause == gap_cause::evicted);
}

CAF_TEST(without_a_tail_messages_are_numbered_all_the_same) {
  channel c({.messages = 0});
  c.add({"a", "b"});
  c.tail.add(some_gap, at(2s));
  CAF_CHECK_EQUAL(c.tail.last(), 3u);
  CAF_CHECK_EQUAL(c.tails.memory(), 0u);
  CAF_CHECK_EQUAL(c.last(9), "");
  CAF_CHECK_EQUAL(c.since(c.id(3)), "");
  CAF_CHECK_EQUAL(c.since(c.id(2)), "evicted ");
}

CAF_TEST(the_channel_that_was_watched_least_recently_gives_way) {
  const std::string payload(1000, 'x');
  store s({.messages = 100, .total_bytes = 10000});
  channel_tail watched(s.tails);
  channel_tail left_early(s.tails);
  channel_tail left_late(s.tails);
  for (auto* tail : {&watched, &left_early, &left_late}) {
    tail->watched(true);
    tail->add(payload, at(1s));
    tail->add(payload, at(1s));
  }
  left_early.watched(false);
  left_late.watched(false);
  const auto kept = [](const channel_tail& tail) {
    int count = 0;
    tail.for_each(0, [&](const auto&) { return ++count > 0; });
    return count;
  };
  const auto before = s.tails.memory();
  CAF_CHECK_LESS_OR_EQUAL(before, 10000u);
  while (kept(left_early) > 0)
    watched.add(payload, at(2s));
  CAF_CHECK_EQUAL(kept(left_late), 2);
  while (kept(left_late) > 0)
    watched.add(payload, at(2s));
  CAF_CHECK_GREATER(kept(watched), 6);
  // Nobody else has anything: its own oldest go.
  const auto most = kept(watched);
  for (int i = 0; i < 10; ++i)
    watched.add(payload, at(2s));
  CAF_CHECK_EQUAL(kept(watched), most);
  CAF_CHECK_EQUAL(s.counters.tail_evictions.load(), 4 + 10 + 0);
}

CAF_TEST(a_message_larger_than_the_budget_is_not_kept) {
  channel c({.total_bytes = 1000});
  c.add({"a", std::string(2000, 'x')});
  CAF_CHECK_EQUAL(c.tails.memory(), 0u);
  CAF_CHECK_EQUAL(c.since(c.id(0)), "evicted ");
  CAF_CHECK_EQUAL(c.since(c.id(2)), "");
}

CAF_TEST(the_budget_holds_while_channels_come_and_go) {
  constexpr std::size_t most = 100000;
  store s({.messages = 16, .total_bytes = most});
  std::minstd_rand random{1};
  std::vector<std::unique_ptr<channel_tail>> open;
  std::size_t largest = 0;
  for (int i = 0; i < 100000; ++i) {
    open.push_back(std::make_unique<channel_tail>(s.tails));
    open.back()->watched(random() % 2 == 0);
    for (auto left = random() % 6; left > 0; --left) {
      auto& tail = *open[random() % open.size()];
      if (random() % 10 == 0)
        tail.add(some_gap, at(1s));
      else
        tail.add(std::string(random() % 300, 'x'), at(1s));
      largest = std::max(largest, s.tails.memory());
    }
    if (open.size() > 200)
      open.erase(open.begin() +
                 static_cast<std::ptrdiff_t>(random() % open.size()));
  }
  CAF_CHECK_LESS_OR_EQUAL(largest, most);
  CAF_CHECK_GREATER(largest, most - 1000);
  CAF_CHECK_EQUAL(s.counters.tail_memory.load(),
                  static_cast<std::int64_t>(s.tails.memory()));
  open.clear();
  CAF_CHECK_EQUAL(s.tails.memory(), 0u);
  CAF_CHECK_EQUAL(s.counters.tail_memory.load(), 0);
}
