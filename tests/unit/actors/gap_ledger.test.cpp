#include "actors/gap_ledger.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>

using namespace std::chrono_literals;
using status2::actors::gap_ledger;
using status2::actors::link_progress;
using status2::transport::gap_cause;

namespace {

using time_point = gap_ledger::time_point;

/// A channel that is live since 1 s after the epoch, and its link, which has
/// forwarded everything up to then. Times are seconds after the epoch.
struct channel {
  channel() {
    ledger.served_by(link);
    read(1s);
    go_live(1s);
  }
  /// The link reads from Redis; nothing of this channel.
  void read(std::chrono::nanoseconds complete_until) {
    link->forwarded_until = time_point{complete_until};
  }
  /// The link reads a message of this channel and sends it on.
  std::uint64_t send(std::chrono::nanoseconds complete_until) {
    const auto number = ledger.sent();
    read(complete_until);
    return number;
  }
  void hand_on(std::uint64_t number, std::chrono::nanoseconds complete_until) {
    ledger.handed_on(number, time_point{complete_until});
  }
  void send_and_hand_on(std::chrono::nanoseconds complete_until) {
    hand_on(send(complete_until), complete_until);
  }
  std::optional<gap_ledger::gap_start> go_live(std::chrono::nanoseconds now) {
    ledger.handled(ledger.sent());
    return ledger.revive(time_point{now});
  }
  /// Where the gap begins that is told when the channel is live again.
  std::chrono::nanoseconds gap_since() {
    CAF_CHECK(!ledger.live());
    const auto start = go_live(1h);
    CAF_REQUIRE(start.has_value());
    return start->since.time_since_epoch();
  }

  std::shared_ptr<link_progress> link = std::make_shared<link_progress>();
  gap_ledger ledger;
};

}  // namespace

CAF_TEST(a_dead_link_has_forwarded_all_that_was_read_before_its_death) {
  channel c;
  c.send_and_hand_on(2s);
  c.read(5s);
  c.ledger.link_died();
  CAF_CHECK(c.gap_since() == 5s);
}

CAF_TEST(what_waits_in_the_mailbox_survives_a_dead_link) {
  channel c;
  c.send(2s);
  c.ledger.link_died();
  CAF_CHECK(c.gap_since() == 2s);
}

CAF_TEST(a_dead_subscriber_that_had_handled_all_has_lost_nothing_older) {
  channel c;
  c.send_and_hand_on(2s);
  c.read(7s);
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 7s);
}

CAF_TEST(what_waits_in_the_mailbox_dies_with_its_subscriber) {
  channel c;
  c.send_and_hand_on(2s);
  c.read(4s);
  c.send(5s);
  c.send(6s);
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 4s);
}

CAF_TEST(a_gap_begins_behind_the_last_message_that_was_handed_on) {
  channel c;
  const auto first = c.send(2s);
  c.send(5s);
  c.hand_on(first, 2s);
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 2s);
}

CAF_TEST(what_is_sent_to_a_subscriber_that_is_dead_already_is_lost) {
  channel c;
  c.send_and_hand_on(2s);
  c.read(3s);
  // It dies here; the supervisor does not know yet.
  c.send(4s);
  c.read(9s);
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 3s);
}

CAF_TEST(a_loss_that_a_dead_subscriber_never_heard_of_is_in_its_gap) {
  channel c;
  c.send_and_hand_on(2s);
  c.read(3s);
  // It dies here. The connection is lost, comes back and brings more.
  c.ledger.sent(time_point{3s});
  c.read(8s);
  c.ledger.sent();
  c.send(9s);
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 3s);
}

CAF_TEST(a_loss_that_waits_in_the_mailbox_is_no_younger_than_it_says) {
  channel c;
  c.read(5s);
  c.ledger.sent(time_point{4s});
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 4s);
}

CAF_TEST(of_several_causes_in_a_row_the_earliest_counts) {
  channel c;
  c.send(2s);
  c.send(3s);
  c.ledger.link_died();
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 1s);

  channel later;
  later.ledger.interrupt({time_point{4s}, gap_cause::redis});
  later.read(5s);
  later.ledger.link_died();
  const auto start = later.go_live(1h);
  CAF_REQUIRE(start.has_value());
  CAF_CHECK(start->since == time_point{4s});
  CAF_CHECK(start->cause == gap_cause::redis);
}

CAF_TEST(a_gap_begins_no_earlier_than_the_channel_became_live) {
  channel c;
  c.read(2s);
  c.ledger.link_died();
  CAF_CHECK(c.go_live(10s).has_value());
  c.send(9s);  // read before the loop came to note the channel live
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 10s);
}

CAF_TEST(a_channel_that_was_never_live_has_no_gap) {
  gap_ledger ledger;
  ledger.subscriber_died();
  ledger.link_died();
  ledger.interrupt({time_point{5s}, gap_cause::redis});
  CAF_CHECK(!ledger.live());
  CAF_CHECK(!ledger.revive(time_point{9s}).has_value());
}

CAF_TEST(a_gap_is_told_once) {
  channel c;
  c.ledger.link_died();
  CAF_CHECK(c.go_live(2s).has_value());
  CAF_CHECK(!c.go_live(3s).has_value());
}

CAF_TEST(what_a_dead_link_says_of_being_live_is_outdated) {
  channel c;
  const auto said = c.ledger.sent();
  CAF_CHECK(!c.ledger.outdated(said));
  c.ledger.link_died();
  CAF_CHECK(c.ledger.outdated(said));
  CAF_CHECK(!c.ledger.outdated(c.ledger.sent()));
}

CAF_TEST(a_new_subscriber_has_no_part_in_what_the_old_one_left) {
  channel c;
  c.send(2s);
  c.ledger.subscriber_died();
  CAF_CHECK(c.go_live(3s)->since == time_point{1s});
  c.read(8s);
  c.ledger.subscriber_died();
  CAF_CHECK(c.gap_since() == 8s);
}

CAF_TEST(a_live_channel_knows_until_when_it_is_complete) {
  channel c;
  CAF_CHECK(c.ledger.complete_until() == time_point{1s});
  c.send_and_hand_on(5s);
  c.read(7s);
  // The link notes it with the next message.
  const auto number = c.send(9s);
  CAF_CHECK(c.ledger.complete_until() == time_point{7s});
  c.hand_on(number, 9s);
  CAF_CHECK(c.ledger.complete_until() == time_point{9s});
}
