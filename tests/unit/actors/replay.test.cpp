// The first part of a replay and the last word in front of it: where it stands,
// and which clients get it.
#include "actors/replay.hpp"

#include "actors/counters.hpp"
#include "transport/frame.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <string>

using namespace status2::actors;
using namespace std::chrono_literals;

namespace {

constexpr channel_tail::time_point now{std::chrono::seconds{9}};

/// A channel of which the tail keeps two messages.
struct channel {
  channel() { tail.begin(now); }
  void publish(std::initializer_list<std::string_view> payloads) {
    for (const auto payload : payloads) {
      const auto number = tail.add(payload, now);
      words.offer("run:a", {tail.epoch(), number}, payload, now);
    }
  }
  std::string id(std::uint64_t number) const {
    return tail.epoch() + "." + std::to_string(number);
  }
  /// What a client gets: `L` before a last word, `gap`, and how it ends.
  std::string replay(std::optional<std::string> since,
                     std::optional<std::size_t> most = {},
                     std::optional<replay_progress> progress = {}) {
    replay_wanted wanted;
    wanted.request = {std::move(since), most};
    wanted.progress = progress;
    const auto part =
        make_replay_part(tail, wanted, now, words.find("run:a", now));
    std::string out;
    for (const auto& block : part.blocks)
      out += text_of(block->bytes);
    CAF_CHECK(part.resumption != nullptr);
    out += part.progress.complete ? "complete " : "incomplete ";
    return out + std::to_string(part.progress.replayed);
  }
  static std::string text_of(const std::string& bytes) {
    std::string out;
    for (std::size_t at = 0; (at = bytes.find("{\"type\"", at)) < bytes.size();
         ++at) {
      const auto frame = bytes.substr(at, bytes.find('}', at) - at);
      if (frame.find("\"gap\"") < frame.size()) {
        out += "gap ";
        continue;
      }
      if (frame.find("\"latched\":true") < frame.size()) out += "L:";
      const auto data = frame.find("\"data\":\"") + 8;
      out += frame.substr(data, frame.rfind('"') - data) + ' ';
    }
    return out;
  }
  broker_counters counters;
  tail_store tails{{.messages = 2}, counters};
  latch_store words{{.patterns = {"end*"}}, counters};
  channel_tail tail{tails};
};

}  // namespace

CAF_TEST(a_last_word_that_the_tail_lacks_comes_first) {
  channel c;
  c.publish({"end", "a", "b"});
  CAF_CHECK_EQUAL(c.replay({}), "L:end a b complete 3");
  CAF_CHECK_EQUAL(c.replay({}, 1), "L:end b complete 2");
  CAF_CHECK_EQUAL(c.replay({}, 0), "L:end complete 1");
}

CAF_TEST(a_last_word_in_the_replay_comes_once_and_in_its_place) {
  channel c;
  c.publish({"a", "b", "end"});
  CAF_CHECK_EQUAL(c.replay({}), "b end complete 2");
  CAF_CHECK_EQUAL(c.replay({}, 1), "end complete 1");
  CAF_CHECK_EQUAL(c.replay(c.id(2)), "end complete 1");
  CAF_CHECK_EQUAL(c.replay({}, 0), "L:end complete 1");
}

CAF_TEST(a_client_that_has_the_last_word_does_not_get_it_again) {
  channel c;
  c.publish({"a", "b", "end", "c", "d"});
  CAF_CHECK_EQUAL(c.replay(c.id(3)), "c d complete 2");
  CAF_CHECK_EQUAL(c.replay(c.id(5)), "complete 0");
  // Behind the gap, which is before it as well.
  CAF_CHECK_EQUAL(c.replay(c.id(1)), "gap L:end c d incomplete 3");
  CAF_CHECK_EQUAL(c.replay(c.id(1), 1), "gap L:end d incomplete 2");
}

CAF_TEST(an_id_that_proves_nothing_gets_the_last_word) {
  channel c;
  c.publish({"end", "a", "b"});
  for (const auto& since : {std::string("x"), std::string(), c.id(4),
                            std::string("abc-1.9"), c.tail.epoch() + "9.9"})
    CAF_CHECK_EQUAL(c.replay(since), "gap L:end a b incomplete 3");
}

CAF_TEST(a_replay_that_was_overtaken_brings_the_last_word_all_the_same) {
  channel c;
  c.publish({"a", "b", "end", "c", "d"});
  CAF_CHECK_EQUAL(c.replay({}, {}, replay_progress{2, 2}),
                  "gap L:end c d incomplete 5");
  CAF_CHECK_EQUAL(c.replay({}, {}, replay_progress{3, 3}), "c d complete 5");
}

CAF_TEST(without_a_tail_the_last_word_is_all_there_is) {
  channel c;
  tail_store none({.messages = 0}, c.counters);
  channel_tail tail(none);
  tail.begin(now);
  const auto number = tail.add("end", now);
  c.words.offer("run:a", {tail.epoch(), number}, "end", now);
  replay_wanted wanted;
  const auto part =
      make_replay_part(tail, wanted, now, c.words.find("run:a", now));
  CAF_REQUIRE_EQUAL(part.blocks.size(), 1u);
  CAF_CHECK_EQUAL(channel::text_of(part.blocks[0]->bytes), "L:end ");
  CAF_CHECK(part.progress.complete);
}
