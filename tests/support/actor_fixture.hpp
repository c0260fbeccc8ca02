/// CAF's deterministic fixture with the broker's group module: time stands
/// still until advance_time(). Ends every actor before the base's destructor
/// runs, because that one fires timers until none is left.
#pragma once

#include "actors/system_config.hpp"

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>

#include <chrono>
#include <vector>

namespace status2::support {

class actor_fixture
    : public test_coordinator_fixture<status2::actors::system_config> {
 public:
  ~actor_fixture() override {
    for (auto& actor : owned_)
      self->send_exit(actor, caf::exit_reason::kill);
    consume_messages();
  }

  /// Ends `actor` with the fixture.
  caf::actor own(caf::actor actor) {
    owned_.push_back(actor);
    return actor;
  }
  /// Lets time pass and everything that follows from it happen.
  void pass(std::chrono::nanoseconds time) {
    advance_time(time);
    consume_messages();
  }
  /// A child that does nothing but end when it is told to.
  caf::actor idle_actor() {
    return own(sys.spawn([](caf::event_based_actor* actor) -> caf::behavior {
      actor->set_default_handler(caf::drop);
      return {[](const caf::unit_t&) {}};
    }));
  }

 private:
  std::vector<caf::actor> owned_;
};

}  // namespace status2::support
