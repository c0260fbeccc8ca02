/// The configuration of CAF's actor system as the broker and its tests use it:
/// the group module of channels, and a scheduler pool that sleeps.
#pragma once

#include <caf/actor_system_config.hpp>

#include <cstddef>

namespace status2::actors {

class system_config : public caf::actor_system_config {
 public:
  /// `threads` is the number of I/O threads that members of groups live on.
  explicit system_config(std::size_t threads = 1);

 private:
  caf::actor_system* system_ = nullptr;
};

}  // namespace status2::actors
