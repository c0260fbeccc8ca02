/// Actors bound to an I/O thread: ordinary event-based actors whose mailbox is
/// served by one thread and nowhere else, so they may own its sockets.
#pragma once

#include "actors/io_thread.hpp"
#include "transport/client_session.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/spawn_options.hpp>
#include <caf/stateful_actor.hpp>

#include <functional>
#include <tuple>
#include <utility>

namespace status2::actors {

class io_actor : public caf::event_based_actor {
 public:
  io_actor(caf::actor_config& cfg, io_thread& thread);

  void launch(caf::execution_unit* unit, bool lazy, bool hide) override;
  void enqueue(caf::mailbox_element_ptr element,
               caf::execution_unit* unit) override;

  io_thread& thread() const { return thread_; }

  /// Where frames of a joined group go directly instead of through the
  /// mailbox, those of one encoding. Set before join(), cleared by nobody:
  /// leaving the group ends it.
  void sink(transport::frame_sink* target,
            transport::encoding kind = transport::encoding::plain) {
    sink_ = target;
    kind_ = kind;
  }
  transport::frame_sink* sink() const { return sink_; }
  transport::encoding kind() const { return kind_; }

 private:
  friend class channel_group;
  io_thread& thread_;
  transport::frame_sink* sink_ = nullptr;
  transport::encoding kind_ = transport::encoding::plain;
  std::size_t group_slot_ = 0;  ///< place in the member array of its group
};

/// An actor made of `State` whose arguments reach State::make_behavior().
template <class State, class Base, class... Args>
class state_actor final : public caf::stateful_actor<State, Base> {
 public:
  template <class... BaseArgs>
  state_actor(caf::actor_config& cfg, std::tuple<Args...> args,
              BaseArgs&&... base_args)
      : caf::stateful_actor<State, Base>(cfg,
                                         std::forward<BaseArgs>(base_args)...),
        args_(std::move(args)) {}

 protected:
  caf::behavior make_behavior() override {
    return std::apply(
        [this](auto&... args) {
          return this->state.make_behavior(std::move(args)...);
        },
        args_);
  }

 private:
  std::tuple<Args...> args_;
};

/// Spawns `State` on `thread`; it starts in a turn of that thread.
/// Thread: any.
template <class State, class... Args>
caf::actor spawn_bound(caf::actor_system& system, io_thread& thread,
                       Args... args) {
  return system.spawn<state_actor<State, io_actor, Args...>>(
      std::tuple<Args...>(std::move(args)...), std::ref(thread));
}

/// Spawns `State` on a thread of its own, for work that would hold up others.
/// Thread: any.
template <class State, class... Args>
caf::actor spawn_detached(caf::actor_system& system, Args... args) {
  return system.spawn<state_actor<State, caf::event_based_actor, Args...>,
                      caf::detached>(std::tuple<Args...>(std::move(args)...));
}

/// The same state on CAF's own scheduler, as deterministic tests want it.
template <class State, class... Args>
caf::actor spawn_unbound(caf::actor_system& system, Args... args) {
  return system.spawn<state_actor<State, caf::event_based_actor, Args...>>(
      std::tuple<Args...>(std::move(args)...));
}

}  // namespace status2::actors
