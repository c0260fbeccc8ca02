#include "actors/subscriber.hpp"

#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/messages.hpp"
#include "tests/support/actor_fixture.hpp"

#include <string>
#include <vector>

using namespace status2::actors;

namespace {

struct fixture : status2::support::actor_fixture {
  fixture() {
    viewers = *sys.groups().get(channel_groups::module_name, "run:wepp");
    subscriber = own(spawn_unbound<subscriber_state>(
        sys, subscriber_spec{"run:wepp", viewers, &counters}));
    consume_messages();
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
    // As a read brings them: other channels have replies between ours.
    auto read = std::make_shared<status2::redis::reply_batch>();
    payload_batch batch{read, 1, 0, 0};
    for (const auto& payload : payloads) {
      const auto at = static_cast<std::uint32_t>(read->bytes.size());
      const auto size = static_cast<std::uint32_t>(payload.size());
      const auto place = static_cast<std::uint32_t>(read->replies.size());
      read->bytes += payload + "other";
      read->replies.push_back({});
      read->replies.push_back(
          {status2::redis::reply_kind::message, 0, 0, at, size, place + 3});
      ++batch.count;
      batch.bytes += size;
    }
    self->send(subscriber, std::move(batch));
    consume_messages();
  }

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

CAF_TEST_FIXTURE_SCOPE_END()
