#include "actors/io_actor.hpp"

#include "actors/log.hpp"

#include <caf/sec.hpp>

#include <exception>

namespace status2::actors {

namespace {

// An exception that reaches here is a bug: the actor ends and its supervisor
// acts, the process goes on.
caf::error on_exception(caf::scheduled_actor* self, std::exception_ptr& what) {
  try {
    std::rethrow_exception(what);
  } catch (const std::exception& e) {
    log(log_event::actor_failed,
        {{"actor", self->name()}, {"error", e.what()}});
  } catch (...) {
    log(log_event::actor_failed, {{"actor", self->name()}});
  }
  return caf::sec::runtime_error;
}

caf::result<caf::message> on_unexpected(caf::scheduled_actor* self,
                                        caf::message_view& content) {
  log(log_event::unexpected_message,
      {{"actor", self->name()},
       {"error", to_string(content.copy_content_to_message())}});
  return caf::sec::unexpected_message;
}

}  // namespace

io_actor::io_actor(caf::actor_config& cfg, io_thread& thread)
    : caf::event_based_actor(cfg), thread_(thread) {
  set_exception_handler(on_exception);
  set_default_handler(on_unexpected);
}

void io_actor::launch(caf::execution_unit*, bool lazy, bool hide) {
  caf::event_based_actor::launch(&thread_, lazy, hide);
}

void io_actor::enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) {
  caf::event_based_actor::enqueue(std::move(element), &thread_);
}

}  // namespace status2::actors
