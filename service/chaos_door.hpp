/// The chaos door: `/chaos/…`, through which operators and tests inject the
/// same faults. Shut (404) unless it has a token.
#pragma once

#include "actors/counters.hpp"
#include "transport/listener.hpp"

#include <caf/actor.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace status2::service {

/// | request            | body                                     |
/// | ------------------ | ---------------------------------------- |
/// | GET /chaos/actors  |                                          |
/// | POST /chaos/kill   | `{"actor":"redis-link"}`                 |
/// | POST /chaos/redis  | `{"fault":"drop|stall|delay","ms":200,   |
/// |                    |   "for":"10s"}`, `ms` for delay only     |
///
/// Every request needs `Authorization: Bearer <token>`. Thread: any.
class chaos_door {
 public:
  /// An empty `token` shuts it.
  chaos_door(std::string token, caf::actor supervisor,
             actors::broker_counters& counters);

  using reply_function = std::function<void(transport::http_reply)>;
  /// Calls `reply` once, maybe later on another thread. Every request is
  /// logged.
  /// Errors: 400 body, 401 token, 404 shut, path or actor, 405 method.
  void answer(const transport::command_request& request,
              const reply_function& reply) const;

 private:
  bool authorized(std::string_view header) const;
  /// What it does not understand.
  static void refuse(const transport::command_request& request,
                     const reply_function& reply, unsigned status,
                     std::string_view why);
  void show_tree(const transport::command_request& request,
                 const reply_function& reply) const;
  void kill(const transport::command_request& request,
            const reply_function& reply) const;
  void harm_redis(const transport::command_request& request,
                  const reply_function& reply) const;

  const std::string token_;
  const caf::actor supervisor_;
  actors::broker_counters& counters_;
};

}  // namespace status2::service
