#include "service/chaos_door.hpp"

#include "actors/log.hpp"
#include "actors/messages.hpp"
#include "service/duration.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <cstdint>
#include <openssl/crypto.h>
#include <optional>
#include <utility>

namespace status2::service {

namespace {

namespace json = boost::json;
using transport::answer_function;
using transport::command_request;
using transport::http_reply;

http_reply json_reply(unsigned status, std::string body) {
  return {status, "application/json", std::move(body) + "\n"};
}

http_reply json_error(unsigned status, std::string_view why) {
  return json_reply(status, json::serialize(json::object{{"error", why}}));
}

http_reply json_refusal(transport::refusal why) {
  auto reply = transport::reply_of(why);
  auto body = json_error(reply.status, transport::describe(why).text);
  reply.content_type = std::move(body.content_type);
  reply.body = std::move(body.body);
  return reply;
}

std::optional<json::object> parse_body(const std::string& body) {
  boost::system::error_code error;
  auto value = json::parse(body, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

std::string text_in(const json::object& body, std::string_view key) {
  const auto* value = body.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->as_string());
}

/// The answer to a command that is not understood, which is logged.
http_reply refusal_of(const command_request& request, unsigned status,
                      std::string_view why) {
  actors::log(
      actors::log_event::chaos_asked,
      {{"action", request.path}, {"remote", request.remote}, {"error", why}});
  return json_error(status, why);
}

/// Passes the supervisor's answer on.
actors::answer_function answer_to(const answer_function& reply) {
  return [reply](unsigned status, const std::string& body) {
    reply(json_reply(status, body));
  };
}

std::optional<redis::upstream_fault::kind> parse_fault(std::string_view name) {
  using kind = redis::upstream_fault::kind;
  if (name == "drop") return kind::drop;
  if (name == "stall") return kind::stall;
  if (name == "delay") return kind::delay;
  return std::nullopt;
}

/// What the body of /chaos/redis asks for; nothing if it is not understood.
std::optional<redis::upstream_fault> fault_of(const json::object& body) {
  constexpr std::int64_t longest_delay_ms = 60000;
  constexpr std::chrono::hours longest{1};
  redis::upstream_fault fault;
  const auto kind = parse_fault(text_in(body, "fault"));
  const auto length = parse_duration(text_in(body, "for"));
  if (!kind || !length || length->count() <= 0 || *length > longest)
    return std::nullopt;
  fault.what = *kind;
  fault.until = std::chrono::steady_clock::now() + *length;
  if (const auto* ms = body.if_contains("ms")) {
    if (!ms->is_int64() || ms->as_int64() < 0 ||
        ms->as_int64() > longest_delay_ms)
      return std::nullopt;
    fault.delay = std::chrono::milliseconds{ms->as_int64()};
  } else if (fault.what == redis::upstream_fault::kind::delay) {
    return std::nullopt;
  }
  return fault;
}

}  // namespace

chaos_door::chaos_door(std::string token, caf::actor supervisor,
                       actors::broker_counters& counters)
    : supervisor_(std::move(supervisor)),
      counters_(counters),
      token_(std::move(token)) {}

void chaos_door::token(std::string token) {
  const std::lock_guard guard(mutex_);
  token_ = std::move(token);
}

bool chaos_door::shut() {
  const std::lock_guard guard(mutex_);
  return token_.empty();
}

std::optional<http_reply> chaos_door::judge(const command_request& request) {
  using transport::resource;
  if (shut()) return transport::reply_of(transport::refusal::not_found);
  if (const auto denied = deny(request)) return json_refusal(*denied);
  if (request.command == resource::chaos_unknown)
    return refusal_of(request, 404, "no such path");
  if (!request.method_allowed)
    return refusal_of(request, 405,
                      "GET /chaos/actors, POST /chaos/kill, POST /chaos/redis");
  return std::nullopt;
}

std::optional<transport::refusal> chaos_door::deny(
    const command_request& request) {
  using transport::refusal;
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard guard(mutex_);
  std::optional<refusal> why;
  if (token_.empty()) {
    why = refusal::not_found;  // shut meanwhile
  } else if (request.from_page) {
    why = refusal::chaos_page;
  } else if (request.authorization.empty()) {
    why = refusal::chaos_token;  // no guess
  } else if (!guesses_.open_to(request.client, now)) {
    why = refusal::chaos_guesses;
  } else if (!authorized(request.authorization)) {
    guesses_.failed(request.client, now);
    why = refusal::chaos_token;
  }
  if (!why) return std::nullopt;
  counters_.count(*why);
  if (const auto suppressed = denials_.admit(now))
    actors::log(actors::log_event::chaos_denied,
                {{"remote", request.remote},
                 {"action", request.path},
                 {"reason", transport::describe(*why).label},
                 {"suppressed", static_cast<std::int64_t>(*suppressed)}});
  return why;
}

void chaos_door::carry_out(const command_request& request,
                           const answer_function& reply) const {
  using transport::resource;
  if (request.command == resource::chaos_kill)
    kill(request, reply);
  else if (request.command == resource::chaos_redis)
    harm_redis(request, reply);
  else
    show_tree(request, reply);
}

void chaos_door::show_tree(const command_request& request,
                           const answer_function& reply) const {
  actors::log(actors::log_event::chaos_asked,
              {{"action", "tree"}, {"remote", request.remote}});
  caf::anon_send(supervisor_, actors::tree_wanted{answer_to(reply)});
}

bool chaos_door::authorized(std::string_view header) const {
  constexpr std::string_view scheme = "Bearer ";
  if (!header.starts_with(scheme)) return false;
  const auto given = header.substr(scheme.size());
  // Takes as long for a wrong token as for the right one.
  return given.size() == token_.size() &&
         CRYPTO_memcmp(given.data(), token_.data(), token_.size()) == 0;
}

void chaos_door::kill(const command_request& request,
                      const answer_function& reply) const {
  const auto body = parse_body(request.body);
  const auto actor = body ? text_in(*body, "actor") : std::string();
  if (actor.empty()) {
    reply(refusal_of(request, 400, R"(the body must be {"actor":"…"})"));
    return;
  }
  ++counters_.chaos_uses;
  actors::log(
      actors::log_event::chaos_used,
      {{"action", "kill"}, {"actor", actor}, {"remote", request.remote}});
  caf::anon_send(supervisor_, actors::kill_wanted{actor, answer_to(reply)});
}

void chaos_door::harm_redis(const command_request& request,
                            const answer_function& reply) const {
  const auto body = parse_body(request.body);
  const auto fault = body ? fault_of(*body) : std::nullopt;
  if (!fault) {
    reply(refusal_of(request, 400,
                     R"(the body must be {"fault":"drop|stall|delay",)"
                     R"("ms":0 to 60000,"for":"up to 1h"})"));
    return;
  }
  ++counters_.chaos_uses;
  actors::log(actors::log_event::chaos_used,
              {{"action", "redis"},
               {"fault", text_in(*body, "fault")},
               {"for", text_in(*body, "for")},
               {"remote", request.remote}});
  caf::anon_send(supervisor_, actors::fault_wanted{*fault, answer_to(reply)});
}

}  // namespace status2::service
