#include "actors/subscriber.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/messages.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/payloads.hpp"

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

using namespace status2::actors;
using namespace std::chrono_literals;

namespace {

struct fixture : status2::support::actor_fixture {
  fixture() {
    viewers = *sys.groups().get(channel_groups::module_name, "run:wepp");
    gaps().served_by(link);
    subscriber = own(spawn_unbound<subscriber_state>(
        sys,
        subscriber_spec{viewers, &counters, tail, longest_wait, &latches}));
    consume_messages();
  }
  /// The frames of the first part of a replay of the last `most` messages.
  std::string replay(std::size_t most) {
    std::string bytes;
    const auto session =
        own(sys.spawn([&bytes](caf::event_based_actor*) -> caf::behavior {
          return {[&bytes](const replay_part& part) {
            for (const auto& block : part.blocks)
              bytes += block->bytes;
          }};
        }));
    replay_wanted wanted;
    wanted.session = session;
    wanted.request.most = most;
    self->send(subscriber, wanted);
    consume_messages();
    return bytes;
  }
  /// What the group says of a fan-out that begins now.
  void fan_out(std::chrono::milliseconds cost, std::uint32_t messages = 1) {
    channel_group::of(viewers).last_fan_out(
        {sys.clock().now(), cost, messages});
  }
  void watch() {
    own(sys.spawn([this](caf::event_based_actor* actor) -> caf::behavior {
      actor->join(viewers);
      return {
          [this](const frame_message& m) {
            if (m.block->kind == status2::transport::encoding::plain)
              blocks.push_back(m.block);
          },
          [this](channel_live) { ++live_messages; },
      };
    }));
    consume_messages();
  }
  void publish(const std::vector<std::string>& payloads) {
    self->send(subscriber, status2::support::payloads(payloads));
    consume_messages();
  }
  gap_ledger& gaps() { return channel_group::of(viewers).gaps(); }
  /// What the link sends, as it sends it; the subscriber has not handled it.
  void say_live() {
    self->send(subscriber, channel_state{true, {}, gaps().sent()});
  }
  void say_lost(std::chrono::steady_clock::time_point since) {
    self->send(subscriber, channel_state{false, since, gaps().sent(since)});
  }
  void forward(const std::vector<std::string>& payloads) {
    auto batch = status2::support::payloads(payloads);
    auto read = std::make_shared<status2::redis::reply_batch>(*batch.read);
    read->complete_until = sys.clock().now();
    batch.read = std::move(read);
    batch.number = gaps().sent();
    self->send(subscriber, batch);
    link->forwarded_until = sys.clock().now();
  }
  /// It dies before it handles what waits for it.
  void kill_subscriber() {
    self->send_exit(subscriber, caf::exit_reason::kill);
    consume_messages();
    gaps().subscriber_died();
  }
  /// Where the gap begins that the channel has now.
  std::chrono::steady_clock::time_point gap_since() {
    const auto start = gaps().revive(sys.clock().now());
    CAF_REQUIRE(start.has_value());
    return start->since;
  }

  static constexpr auto longest_wait = 100ms;
  broker_counters counters;
  tail_store tails{{}, counters};
  latch_store latches{{.patterns = {"end*"}}, counters};
  std::shared_ptr<channel_tail> tail = std::make_shared<channel_tail>(tails);
  std::shared_ptr<link_progress> link = std::make_shared<link_progress>();
  caf::group viewers;
  caf::actor subscriber;
  std::vector<status2::transport::frame_ptr> blocks;
  int live_messages = 0;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(subscriber_tests, fixture)

CAF_TEST(all_payloads_of_one_read_become_one_block_of_frames_in_order) {
  watch();
  publish({"one", "", "three"});
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK_EQUAL(blocks[0]->messages, 3u);
  std::string expected;
  for (const char* payload : {"one", "", "three"})
    status2::transport::append_status_frame(expected, payload);
  CAF_CHECK_EQUAL(blocks[0]->bytes, expected);
}

CAF_TEST(what_compression_saves_is_counted_once_per_encoding) {
  publish({std::string(3000, 'x')});
  CAF_CHECK_EQUAL(counters.deflate_input.load(), 0);
  // Members that are not bound to a thread get blocks of every encoding.
  watch();
  publish({std::string(3000, 'x'), "short"});
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  const auto plain = static_cast<std::int64_t>(blocks[0]->bytes.size());
  CAF_CHECK(counters.deflate_input > 2 * plain);
  CAF_CHECK(counters.deflate_input < 2 * plain + 200);
  CAF_CHECK(counters.deflate_output > 0);
  CAF_CHECK(counters.deflate_output < 400);
}

CAF_TEST(a_gap_takes_the_place_of_a_message_that_was_too_large) {
  watch();
  pass(1s);
  say_live();
  forward({"zero"});
  consume_messages();
  blocks.clear();
  auto batch = status2::support::payloads({"one", "big", "three"});
  auto read = std::make_shared<status2::redis::reply_batch>(*batch.read);
  auto& dropped = read->replies[read->replies[batch.first].next];
  dropped.kind = status2::redis::reply_kind::too_large;
  batch.bytes -= dropped.second_size;
  batch.read = read;
  batch.too_large = 1;
  batch.number = gaps().sent();
  const auto known = gaps().complete_until();
  CAF_CHECK(known == sys.clock().now());
  pass(5s);
  self->send(subscriber, batch);
  consume_messages();
  CAF_REQUIRE_EQUAL(blocks.size(), 3u);
  const auto frame_of = [](const char* payload) {
    std::string out;
    status2::transport::append_status_frame(out, payload);
    return out;
  };
  CAF_CHECK_EQUAL(blocks[0]->bytes, frame_of("one"));
  CAF_CHECK_EQUAL(blocks[0]->messages, 1u);
  CAF_CHECK(blocks[1]->gap);
  CAF_CHECK(blocks[1]->bytes.ends_with(R"("cause":"too_large"})"));
  CAF_CHECK_EQUAL(blocks[2]->bytes, frame_of("three"));
  CAF_CHECK_EQUAL(counters.messages_fanned_out.load(), 3);
  // It begins where all was known to be handed on, five seconds ago.
  const auto& text = blocks[1]->bytes;
  const auto time_at = [&](const std::string& key) {
    const auto at = text.find("\"" + key + "\":\"") + key.size() + 4;
    return std::stod(text.substr(at + 17, 6)) +
           60 * std::stod(text.substr(at + 14, 2));
  };
  const auto length = time_at("until") - time_at("since");
  CAF_CHECK(std::abs(length < 0 ? length + 3600 - 5 : length - 5) < 0.01);
}

CAF_TEST(what_waits_goes_before_a_gap) {
  watch();
  say_live();
  consume_messages();
  fan_out(10ms);
  forward({"held"});
  consume_messages();
  CAF_CHECK(blocks.empty());
  auto batch = status2::support::payloads({"big"});
  auto read = std::make_shared<status2::redis::reply_batch>(*batch.read);
  read->replies[batch.first].kind = status2::redis::reply_kind::too_large;
  batch.read = read;
  batch.too_large = 1;
  batch.number = gaps().sent();
  self->send(subscriber, batch);
  consume_messages();
  CAF_REQUIRE_EQUAL(blocks.size(), 2u);
  CAF_CHECK_EQUAL(blocks[0]->messages, 1u);
  CAF_CHECK(blocks[1]->gap);
  CAF_CHECK_EQUAL(blocks[1]->messages, 0u);
}

CAF_TEST(a_last_word_comes_first_with_its_own_id) {
  say_live();
  publish({"one", "end two", "three"});
  const auto bytes = replay(1);
  const auto word = R"("id":")" + tail->epoch() + R"(.2","latched":true,)" +
                    R"("data":"end two")";
  CAF_REQUIRE(bytes.find(word) < bytes.size());
  CAF_CHECK_LESS(bytes.find(word), bytes.find(R"("three")"));
  // The channel was left, and has a new subscriber that knows no messages.
  kill_subscriber();
  latches.leave("run:wepp", tail->epoch(), sys.clock().now());
  tail = std::make_shared<channel_tail>(tails);
  subscriber = own(spawn_unbound<subscriber_state>(
      sys, subscriber_spec{viewers, &counters, tail, longest_wait, &latches}));
  say_live();
  publish({"four"});
  const auto later = replay(9);
  CAF_REQUIRE(later.find(word) < later.size());
  CAF_CHECK_LESS(later.find(word), later.find(R"("four")"));
}

CAF_TEST(a_last_word_that_comes_beside_a_large_message_is_kept) {
  publish({std::string(1100000, 'x'), "end"});
  const auto* word = latches.find("run:wepp", sys.clock().now());
  CAF_REQUIRE(word != nullptr);
  CAF_CHECK_EQUAL(word->number, 2u);
}

CAF_TEST(all_viewers_share_the_same_bytes) {
  watch();
  watch();
  publish({"x"});
  CAF_REQUIRE_EQUAL(blocks.size(), 2u);
  CAF_CHECK(blocks[0].get() == blocks[1].get());
}

CAF_TEST(an_acknowledged_channel_is_live_and_its_viewers_are_told) {
  watch();
  CAF_CHECK(!channel_group::of(viewers).live());
  self->send(subscriber, channel_state{true});
  consume_messages();
  CAF_CHECK(channel_group::of(viewers).live());
  CAF_CHECK_EQUAL(live_messages, 1);
}

CAF_TEST(what_an_outage_may_have_cost_is_told_before_the_channel_is_live) {
  watch();
  self->send(subscriber, channel_state{true});
  consume_messages();
  CAF_CHECK(blocks.empty());
  self->send(subscriber, channel_state{false, sys.clock().now()});
  self->send(subscriber, channel_state{true});
  consume_messages();
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK(blocks[0]->gap);
  CAF_CHECK(blocks[0]->bytes.find(R"("cause":"redis"})") != std::string::npos);
}

CAF_TEST(a_channel_that_was_never_live_has_missed_nothing) {
  watch();
  self->send(subscriber, channel_state{false, sys.clock().now()});
  self->send(subscriber, channel_state{true});
  consume_messages();
  CAF_CHECK(blocks.empty());
}

CAF_TEST(of_two_interruptions_in_a_row_the_earlier_counts) {
  watch();
  using status2::transport::gap_cause;
  say_live();
  consume_messages();
  pass(1s);
  const auto earlier = sys.clock().now();
  pass(1s);
  gaps().interrupt({earlier, gap_cause::restart});
  say_lost(sys.clock().now());
  say_live();
  consume_messages();
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK(blocks[0]->bytes.find(R"("cause":"restart"})") !=
            std::string::npos);
}

CAF_TEST(a_link_that_was_replaced_unnoticed_is_told_as_a_gap_as_well) {
  watch();
  self->send(subscriber, channel_state{true});
  self->send(subscriber, channel_state{true, sys.clock().now()});
  consume_messages();
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK(blocks[0]->gap);
}

CAF_TEST(messages_are_counted_by_whether_somebody_watched) {
  publish({"lost in the linger"});
  watch();
  publish({"one", "two"});
  CAF_CHECK_EQUAL(counters.messages_unwatched.load(), 1);
  CAF_CHECK_EQUAL(counters.messages_fanned_out.load(), 2);
}

CAF_TEST(an_interrupted_channel_is_not_live) {
  watch();
  self->send(subscriber, channel_state{true});
  self->send(subscriber, channel_state{false});
  consume_messages();
  CAF_CHECK(!channel_group::of(viewers).live());
  CAF_CHECK_EQUAL(live_messages, 1);
}

CAF_TEST(on_a_busy_channel_a_message_waits_for_the_next_and_goes_with_it) {
  watch();
  fan_out(10ms);
  pass(20ms);
  publish({"one"});
  pass(10ms);
  CAF_CHECK(blocks.empty());
  publish({"two"});
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK_EQUAL(blocks[0]->messages, 2u);
  CAF_CHECK_LESS(blocks[0]->bytes.find("one"), blocks[0]->bytes.find("two"));
}

CAF_TEST(a_message_waits_no_longer_than_four_times_the_cost_of_the_last) {
  watch();
  fan_out(10ms);
  pass(20ms);
  publish({"one"});
  pass(39ms);
  CAF_CHECK(blocks.empty());
  pass(1ms);
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK_EQUAL(blocks[0]->messages, 1u);
}

CAF_TEST(nor_longer_than_the_longest_wait) {
  watch();
  fan_out(1000ms);
  publish({"one"});
  pass(longest_wait - 1ms);
  CAF_CHECK(blocks.empty());
  pass(1ms);
  CAF_CHECK_EQUAL(blocks.size(), 1u);
}

CAF_TEST(where_fan_outs_take_a_quarter_of_the_time_or_less_nobody_waits) {
  watch();
  fan_out(10ms);
  pass(40ms);
  publish({"one"});
  CAF_CHECK_EQUAL(blocks.size(), 1u);
}

CAF_TEST(after_a_fan_out_of_several_messages_nobody_waits) {
  watch();
  fan_out(10ms, 2);
  publish({"one"});
  CAF_CHECK_EQUAL(blocks.size(), 1u);
}

CAF_TEST(messages_that_come_together_wait_for_no_others) {
  watch();
  fan_out(10ms);
  publish({"one", "two"});
  CAF_CHECK_EQUAL(blocks.size(), 1u);
}

CAF_TEST(the_end_of_one_wait_ends_no_later_one) {
  watch();
  fan_out(10ms);
  publish({"one"});  // until 40 ms
  pass(10ms);
  publish({"two"});  // both go
  fan_out(10ms);
  pass(20ms);
  publish({"three"});  // until 70 ms
  pass(10ms);
  CAF_CHECK_EQUAL(blocks.size(), 1u);
  pass(30ms);
  CAF_REQUIRE_EQUAL(blocks.size(), 2u);
  CAF_CHECK_EQUAL(blocks[1]->messages, 1u);
}

CAF_TEST(much_does_not_wait) {
  watch();
  fan_out(10ms);
  // More than is held with its envelope, and not too much to compress here.
  publish({std::string(65530, 'x')});
  CAF_CHECK_EQUAL(blocks.size(), 1u);
}

CAF_TEST(what_waits_goes_before_a_change_of_state) {
  watch();
  self->send(subscriber, channel_state{true});
  consume_messages();
  fan_out(10ms);
  publish({"one"});
  self->send(subscriber, channel_state{true, sys.clock().now()});
  consume_messages();
  CAF_REQUIRE_EQUAL(blocks.size(), 2u);
  CAF_CHECK_EQUAL(blocks[0]->messages, 1u);
  CAF_CHECK(blocks[1]->gap);
}

CAF_TEST(what_waits_outlives_its_subscriber) {
  watch();
  fan_out(10ms);
  publish({"one"});
  self->send_exit(subscriber, caf::exit_reason::kill);
  consume_messages();
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK_EQUAL(blocks[0]->messages, 1u);
}

CAF_TEST(what_a_subscriber_has_handed_on_is_in_no_gap) {
  watch();
  say_live();
  consume_messages();
  pass(1s);
  forward({"one"});
  const auto handed_on = sys.clock().now();
  consume_messages();
  kill_subscriber();
  CAF_CHECK(gap_since() == handed_on);
}

CAF_TEST(what_nobody_watches_counts_as_handed_on) {
  say_live();
  consume_messages();
  pass(1s);
  forward({"one"});
  const auto handed_on = sys.clock().now();
  consume_messages();
  kill_subscriber();
  CAF_CHECK(gap_since() == handed_on);
}

CAF_TEST(what_waits_for_a_subscriber_when_it_dies_is_in_its_gap) {
  watch();
  say_live();
  consume_messages();
  pass(1s);
  forward({"one"});
  const auto handed_on = sys.clock().now();
  consume_messages();
  pass(1s);
  // The kill is in the mailbox before the messages are.
  self->send_exit(subscriber, caf::exit_reason::kill);
  forward({"two"});
  pass(1s);
  forward({"three"});
  consume_messages();
  gaps().subscriber_died();
  CAF_CHECK_EQUAL(blocks.size(), 1u);
  CAF_CHECK(gap_since() == handed_on);
}

CAF_TEST(what_is_held_is_not_handed_on_until_it_is_sent) {
  watch();
  say_live();
  consume_messages();
  pass(1s);
  link->forwarded_until = sys.clock().now();
  const auto before = sys.clock().now();
  fan_out(10ms);
  pass(20ms);
  forward({"held"});
  consume_messages();
  CAF_REQUIRE(blocks.empty());
  gaps().subscriber_died();
  CAF_CHECK(gap_since() == before);
  // Sent at last, also by a subscriber that dies.
  const auto read = link->forwarded_until;
  kill_subscriber();
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  gaps().revive(before);
  gaps().subscriber_died();
  CAF_CHECK(gap_since() == read);
}

CAF_TEST(what_a_dead_link_said_makes_no_channel_live) {
  watch();
  say_live();
  consume_messages();
  say_lost(sys.clock().now());
  say_live();
  gaps().link_died();
  consume_messages();
  CAF_CHECK(!channel_group::of(viewers).live());
  CAF_CHECK_EQUAL(live_messages, 1);
  CAF_CHECK(blocks.empty());
  // The next link says it again, and the gap is told then.
  say_live();
  consume_messages();
  CAF_CHECK(channel_group::of(viewers).live());
  CAF_CHECK_EQUAL(live_messages, 2);
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK(blocks[0]->gap);
}

CAF_TEST(messages_of_a_dead_link_are_still_handed_on_before_the_gap) {
  watch();
  say_live();
  consume_messages();
  forward({"last words"});
  gaps().link_died();
  say_live();
  consume_messages();
  CAF_REQUIRE_EQUAL(blocks.size(), 2u);
  CAF_CHECK_EQUAL(blocks[0]->messages, 1u);
  CAF_CHECK(blocks[1]->gap);
}

CAF_TEST_FIXTURE_SCOPE_END()
