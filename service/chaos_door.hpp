/// The chaos door: `/chaos/…`, through which operators and tests inject the
/// same faults. Shut (404) unless it has a token.
#pragma once

#include "actors/counters.hpp"
#include "actors/rate_limit.hpp"
#include "service/guess_limit.hpp"
#include "transport/listener.hpp"

#include <caf/actor.hpp>

#include <mutex>
#include <optional>
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
/// Every request needs `Authorization: Bearer <token>`; wrong ones are slowed
/// (guess_limit), and a browser's page is refused. Thread: any.
class chaos_door {
 public:
  /// An empty `token` shuts it.
  chaos_door(std::string token, caf::actor supervisor,
             actors::broker_counters& counters);

  /// Takes another token from now on; an empty one shuts it.
  void token(std::string token);
  /// Judges a command by its header, before its body is read. Returns the
  /// answer to a command that is refused: 404 shut or unknown, 403 page, 429
  /// guesses, 401 token, 405 method. Logs a refusal, unless the door is shut,
  /// at a bounded rate.
  std::optional<transport::http_reply> judge(
      const transport::command_request& request);
  /// Carries out a command that judge() let through, and logs it. Calls
  /// `reply` once, maybe later on another thread. Errors: 400 body, 404 actor.
  void carry_out(const transport::command_request& request,
                 const transport::answer_function& reply) const;

 private:
  bool shut();
  /// Nothing: the token is right.
  std::optional<transport::refusal> deny(
      const transport::command_request& request);
  bool authorized(std::string_view header) const;
  void show_tree(const transport::command_request& request,
                 const transport::answer_function& reply) const;
  void kill(const transport::command_request& request,
            const transport::answer_function& reply) const;
  void harm_redis(const transport::command_request& request,
                  const transport::answer_function& reply) const;

  const caf::actor supervisor_;
  actors::broker_counters& counters_;
  std::mutex mutex_;
  std::string token_;
  guess_limit guesses_;
  actors::rate_limit denials_{1};  ///< log lines a second
};

}  // namespace status2::service
