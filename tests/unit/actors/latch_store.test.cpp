// The last word of a channel: which message it is, how long it stays, and which
// client has it.
#include "actors/latch_store.hpp"

#include "actors/counters.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <random>
#include <string>

using namespace status2::actors;
using namespace std::chrono_literals;

namespace {

constexpr latch_store::time_point at(std::chrono::nanoseconds time) {
  return latch_store::time_point{time};
}

struct store {
  explicit store(latch_limits limits = {}) : words(with(limits), counters) {}
  static latch_limits with(latch_limits limits) {
    if (limits.patterns.empty())
      limits.patterns = {"COMPLETED*", "TRIGGER *", "*end"};
    return limits;
  }
  void offer(const std::string& channel, std::string_view payload,
             std::chrono::nanoseconds time = 1s) {
    words.offer(channel, {"abc-1", ++number}, payload, at(time));
  }
  /// `payload=number`, or nothing.
  std::string word(const std::string& channel,
                   std::chrono::nanoseconds time = 1s) {
    const auto* word = words.find(channel, at(time));
    if (word == nullptr) return {};
    return word->payload + '=' + std::to_string(word->number);
  }
  std::uint64_t number = 0;
  broker_counters counters;
  latch_store words;
};

}  // namespace

CAF_TEST(the_newest_message_that_matches_is_the_last_word) {
  store s;
  s.offer("run:a", "COMPLETED 1");
  s.offer("run:a", "step 2");
  s.offer("run:b", "an end");
  CAF_CHECK_EQUAL(s.word("run:a"), "COMPLETED 1=1");
  s.offer("run:a", "TRIGGER next");
  CAF_CHECK_EQUAL(s.word("run:a"), "TRIGGER next=4");
  CAF_CHECK_EQUAL(s.word("run:b"), "an end=3");
  CAF_CHECK_EQUAL(s.word("run:c"), "");
  CAF_CHECK_EQUAL(s.counters.latched_channels.load(), 2);
}

CAF_TEST(a_pattern_sees_the_first_256_bytes) {
  store s;
  const auto long_text = [](std::size_t size, const std::string& end) {
    return std::string(size - end.size(), 'x') + end;
  };
  CAF_CHECK(s.words.matches("COMPLETED"));
  CAF_CHECK(s.words.matches("COMPLETED" + long_text(100000, "")));
  CAF_CHECK(!s.words.matches("completed"));
  CAF_CHECK(!s.words.matches("TRIGGER"));
  CAF_CHECK(s.words.matches(long_text(256, "end")));
  // Its first 256 bytes end with `end` too.
  CAF_CHECK(!s.words.matches(long_text(256, "end") + "x"));
  CAF_CHECK(!s.words.matches(long_text(257, "end")));
}

CAF_TEST(without_patterns_nothing_is_kept) {
  broker_counters counters;
  latch_store words({}, counters);
  CAF_CHECK(!words.enabled());
  words.offer("run:a", {"abc-1", 1}, "", at(1s));
  CAF_CHECK(words.find("run:a", at(1s)) == nullptr);
  CAF_CHECK(store().words.enabled());
}

CAF_TEST(a_last_word_goes_when_its_time_is_over) {
  store s({.ttl = 10s});
  s.offer("run:a", "an end", 1s);
  s.offer("run:b", "an end", 2s);
  s.offer("run:a", "the end", 5s);
  CAF_CHECK_EQUAL(s.word("run:b", 12s), "an end=2");
  CAF_CHECK_EQUAL(s.word("run:b", 13s), "");
  CAF_CHECK_EQUAL(s.words.size(), 1u);
  CAF_CHECK_EQUAL(s.word("run:a", 15s), "the end=3");
  // Whatever happens next drops it.
  s.offer("run:c", "an end", 16s);
  CAF_CHECK_EQUAL(s.words.size(), 1u);
  s.words.leave("run:x", "abc-1", at(60s));
  CAF_CHECK_EQUAL(s.words.memory(), 0u);
  CAF_CHECK_EQUAL(s.counters.latched_channels.load(), 0);
  CAF_CHECK_EQUAL(s.counters.latch_evictions.load(), 0);
}

CAF_TEST(over_the_number_of_channels_the_oldest_goes) {
  store s({.channels = 2});
  s.offer("run:a", "an end");
  s.offer("run:b", "an end");
  s.offer("run:a", "the end");
  s.offer("run:c", "an end");
  CAF_CHECK_EQUAL(s.word("run:a"), "the end=3");
  CAF_CHECK_EQUAL(s.word("run:b"), "");
  CAF_CHECK_EQUAL(s.word("run:c"), "an end=4");
  CAF_CHECK_EQUAL(s.counters.latch_evictions.load(), 1);
}

CAF_TEST(one_large_message_does_not_push_out_the_others) {
  store s({.total_bytes = 16000});
  s.offer("run:a", "an end");
  s.offer("run:b", "COMPLETED " + std::string(990, 'x'));
  CAF_CHECK_EQUAL(s.words.size(), 2u);
  s.offer("run:b", "COMPLETED " + std::string(991, 'x'));
  // The one before it is not the last word any more.
  CAF_CHECK_EQUAL(s.word("run:b"), "");
  CAF_CHECK_EQUAL(s.word("run:a"), "an end=1");
  CAF_CHECK_EQUAL(s.counters.latch_evictions.load(), 1);
}

CAF_TEST(the_budget_holds_while_channels_come_and_go) {
  constexpr std::size_t most = 100000;
  store s({.ttl = 10s, .total_bytes = most});
  std::minstd_rand random{1};
  std::size_t largest = 0;
  for (int i = 0; i < 100000; ++i) {
    const auto channel =
        std::string(random() % 30, 'c') + ":" + std::to_string(random() % 1000);
    const auto now = std::chrono::milliseconds{i};
    if (random() % 3 == 0)
      s.words.leave(channel, "k3v9x2mq01ab-" + std::to_string(i), at(now));
    else
      s.offer(channel, "COMPLETED" + std::string(random() % 600, 'x'), now);
    largest = std::max(largest, s.words.memory());
  }
  CAF_CHECK_LESS_OR_EQUAL(largest, most);
  CAF_CHECK_GREATER(largest, most - 1500);
  CAF_CHECK_EQUAL(s.counters.latch_memory.load(),
                  static_cast<std::int64_t>(s.words.memory()));
  CAF_CHECK_EQUAL(s.counters.latched_channels.load(),
                  static_cast<std::int64_t>(s.words.size()));
  s.words.leave("run:x", "abc-1", at(1h));
  CAF_CHECK_EQUAL(s.words.memory(), 0u);
  CAF_CHECK_EQUAL(s.counters.latch_memory.load(), 0);
}

CAF_TEST(a_client_has_the_message_if_its_id_is_not_older) {
  store s;
  s.words.offer("run:a", {"abc-2", 7}, "the end", at(1s));
  const auto known = [&](std::string_view epoch, std::uint64_t number) {
    return s.words.find("run:a", at(1s))->is_known_at({epoch, number}, "abc-9");
  };
  CAF_CHECK(!known("abc-2", 6));
  CAF_CHECK(known("abc-2", 7));
  CAF_CHECK(known("abc-2", 8));
  // Every replay since then began with it.
  CAF_CHECK(known("abc-9", 0));
  CAF_CHECK(!known("abc-8", 3));
  CAF_CHECK(!known("", 3));
  s.words.leave("run:a", "abc-8", at(1s));
  CAF_CHECK(known("abc-8", 3));
  CAF_CHECK(!known("abc-1", 99));
  // A new last word: what its predecessor's clients have says nothing.
  s.words.offer("run:a", {"abc-9", 4}, "the end", at(1s));
  CAF_CHECK(!known("abc-8", 3));
  CAF_CHECK(!known("abc-9", 3));
  CAF_CHECK(known("abc-9", 4));
}
