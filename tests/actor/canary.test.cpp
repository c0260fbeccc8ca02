#include "actors/canary.hpp"

#include "actors/io_actor.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/payloads.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace status2::actors;

namespace {

struct fixture : status2::support::actor_fixture {
  fixture() {
    config.channel = "status2:canary";
    config.counters = &counters;
    config.status = &status;
    canary = own(spawn_unbound<canary_state>(sys, config));
    consume_messages();
  }
  /// Whether what one read brings proves that message 2 came through.
  bool proven_by(const std::vector<std::string>& texts) {
    using canary_actor =
        state_actor<canary_state, caf::event_based_actor, canary_config>;
    auto& state = deref<canary_actor>(canary).state;
    state.number = 2;
    state.under_way = true;
    self->send(canary, status2::support::payloads(texts));
    consume_messages();
    return !state.under_way;
  }

  canary_config config;
  broker_counters counters;
  broker_status status;
  caf::actor canary;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(canary_tests, fixture)

CAF_TEST(its_own_message_is_proof_whatever_comes_with_it) {
  CAF_CHECK(proven_by({"2"}));
  CAF_CHECK(proven_by({"1", "2", "somebody else's"}));
  // No traffic of channels that linger.
  CAF_CHECK_EQUAL(counters.messages_unwatched.load(), 0);
}

CAF_TEST(another_number_is_none) {
  CAF_CHECK(!proven_by({"1"}));
  CAF_CHECK(!proven_by({"12", "22"}));
  CAF_CHECK(!proven_by({""}));
}

CAF_TEST(a_thread_that_was_late_gives_the_message_its_time_again) {
  status.link = link_phase::up;
  status.canary_ok = true;
  const auto ok_after = [&](std::chrono::nanoseconds late) {
    advance_time(config.interval);  // it is sent
    consume_messages();
    advance_time(config.deadline);  // the deadline is in the mailbox
    advance_time(late);             // and nobody looks
    consume_messages();
    return status.canary_ok.load();
  };
  CAF_CHECK(!ok_after(std::chrono::nanoseconds{0}));
  status.canary_ok = true;
  CAF_CHECK(ok_after(std::chrono::seconds{80}));
  // Once: a canary that stays away is late all the same.
  advance_time(config.deadline);
  consume_messages();
  CAF_CHECK(!status.canary_ok);
}

CAF_TEST_FIXTURE_SCOPE_END()
