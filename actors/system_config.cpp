#include "actors/system_config.hpp"

#include "actors/channel_groups.hpp"

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/thread_hook.hpp>

namespace status2::actors {

namespace {

// A factory of group modules gets no actor system, yet a module needs one. A
// thread hook is told of the system before modules are made.
class system_catcher final : public caf::thread_hook {
 public:
  explicit system_catcher(caf::actor_system*& target) : target_(target) {}
  void init(caf::actor_system& system) override { target_ = &system; }
  void thread_started() override {}
  void thread_terminates() override {}

 private:
  caf::actor_system*& target_;
};

}  // namespace

system_config::system_config(std::size_t threads) {
  add_thread_hook<system_catcher>(system_);
  group_module_factories.emplace_back(
      [this, threads] { return new channel_groups(*system_, threads); });
  // All actors of the broker are bound to I/O threads; the pool only has to
  // exist. Work sharing waits on a condition where work stealing would poll.
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", std::size_t{1});
  set("logger.verbosity", caf::atom("quiet"));
}

}  // namespace status2::actors
