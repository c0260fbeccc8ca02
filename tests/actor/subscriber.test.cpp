#include "actors/subscriber.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/messages.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/payloads.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace status2::actors;
using namespace std::chrono_literals;

namespace {

struct fixture : status2::support::actor_fixture {
  fixture() {
    viewers = *sys.groups().get(channel_groups::module_name, "run:wepp");
    subscriber = own(spawn_unbound<subscriber_state>(
        sys, subscriber_spec{viewers, &counters, longest_wait}));
    consume_messages();
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
          [this](const frame_message& m) { blocks.push_back(m.block); },
          [this](channel_live) { ++live_messages; },
      };
    }));
    consume_messages();
  }
  void publish(const std::vector<std::string>& payloads) {
    self->send(subscriber, status2::support::payloads(payloads));
    consume_messages();
  }

  static constexpr auto longest_wait = 100ms;
  broker_counters counters;
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

CAF_TEST(of_two_interruptions_in_a_row_the_first_counts) {
  watch();
  using status2::transport::gap_cause;
  self->send(subscriber, channel_state{true});
  consume_messages();
  channel_group::of(viewers).interrupt({sys.clock().now(), gap_cause::restart});
  self->send(subscriber, channel_state{false, sys.clock().now()});
  self->send(subscriber, channel_state{true});
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
  publish({std::string(70000, 'x')});
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

CAF_TEST_FIXTURE_SCOPE_END()
