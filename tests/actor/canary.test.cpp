#include "actors/canary.hpp"

#include "actors/io_actor.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/payloads.hpp"

#include <string>
#include <vector>

using namespace status2::actors;

namespace {

struct fixture : status2::support::actor_fixture {
  fixture() {
    canary_config config;
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

CAF_TEST_FIXTURE_SCOPE_END()
