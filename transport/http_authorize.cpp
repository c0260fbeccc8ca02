// The third step of a request: may this client have what it asks for? The page
// that it comes from, its token, and tickets that stand for tokens.
#include "transport/http_connection.hpp"
#include "transport/text_view.hpp"
#include "transport/token_request.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

/// Lets a page of an allowed origin read the answer.
/// Source: the fetch standard, section 3.2.3.
void allow_page(http_reply& reply, std::string_view origin, bool cookies) {
  if (origin.empty()) return;
  reply.fields.emplace_back("Access-Control-Allow-Origin", origin);
  reply.fields.emplace_back("Vary", "Origin");
  if (cookies)
    reply.fields.emplace_back("Access-Control-Allow-Credentials", "true");
}

/// The answer to a browser that asks whether a page may send its token.
http_reply preflight_answer() {
  http_reply reply;
  reply.fields = {{"Access-Control-Allow-Methods", "POST"},
                  {"Access-Control-Allow-Headers", "authorization"},
                  {"Access-Control-Max-Age", "600"}};
  return reply;
}

}  // namespace

void http_connection::authorize(const routed_request& routed) {
  const auto& settings = context_->settings;
  const auto& request = parser_->get();
  auto wanted = read_handshake(request, routed,
                               {settings.path_prefix, settings.allowed_channels,
                                settings.subprotocols, settings.compression});
  if (wanted.refused) return refuse(*wanted.refused);
  if (!allows_origin(routed)) return refuse(refusal::origin);
  if (settings.tokens) {
    const auto fault = authorize_token(*settings.tokens, routed, wanted);
    if (fault) return refuse(*fault, reply_of(describe(*fault).answer));
  }
  admit(std::move(wanted));
}

bool http_connection::allows_origin(const routed_request& routed) const {
  const auto& origins = context_->settings.allowed_origins;
  const auto origin = view_of(parser_->get()[http::field::origin]);
  return origins.allow(origin, routed.host) ||
         origins.allow(origin, host_at_proxy());
}

token_verdict http_connection::judge_token(token_authority& tokens,
                                           const routed_request& routed) {
  const auto now = std::chrono::system_clock::now();
  const auto carried =
      find_token(parser_->get(), routed.query, tokens.cookie());
  token_verdict verdict;
  switch (carried.by) {
    case token_carrier::none:
      verdict.fault = token_fault::missing;
      break;
    case token_carrier::ticket:
      verdict = tokens.take_ticket(carried.text, context_->loop.now(), now);
      note_tickets(tokens);
      break;
    default:
      verdict = tokens.judge(carried.text, now);
  }
  return verdict;
}

std::optional<token_fault> http_connection::authorize_token(
    token_authority& tokens, const routed_request& routed, handshake& wanted) {
  const auto generation = tokens.generation();
  const auto verdict = judge_token(tokens, routed);
  if (verdict.fault) return verdict.fault;
  if (!verdict.claims.opens(wanted.channel.full)) return token_fault::channel;
  wanted.options.credentials =
      wanted.options.event_stream && !tokens.cookie().empty();
  wanted.token =
      std::make_unique<session_token>(context_->settings.tokens, generation,
                                      verdict.claims, wanted.channel.full);
  return std::nullopt;
}

void http_connection::answer_tickets(const routed_request& routed) {
  auto& tokens = *context_->settings.tokens;
  const auto& request = parser_->get();
  if (!allows_origin(routed)) return refuse(refusal::origin);
  const std::string origin(view_of(request[http::field::origin]));
  const bool cookies = !tokens.cookie().empty();
  if (request.method() == http::verb::options) {
    auto answer = preflight_answer();
    allow_page(answer, origin, cookies);
    return reply(std::move(answer));
  }
  // A ticket makes no ticket: else it would live for ever.
  auto without_query = routed;
  without_query.query = {};
  auto verdict = judge_token(tokens, without_query);
  if (verdict.fault) {
    auto answer = reply_of(describe(*verdict.fault).answer);
    allow_page(answer, origin, cookies);
    return refuse(*verdict.fault, std::move(answer));
  }
  auto ticket =
      tokens.make_ticket(std::move(verdict.claims), context_->loop.now());
  note_tickets(tokens);
  if (!ticket) {
    auto answer = reply_of(refusal::tickets);
    allow_page(answer, origin, cookies);
    return refuse(refusal::tickets, std::move(answer));
  }
  context_->loop.counters().tickets_made.add();
  http_reply answer;
  answer.content_type = "application/json";
  answer.body = R"({"ticket":")" + *ticket + R"(","expires_in":)" +
                std::to_string(ticket_store::lifetime.count()) + "}\n";
  answer.fields.emplace_back("Cache-Control", "no-store");
  allow_page(answer, origin, cookies);
  reply(std::move(answer));
}

void http_connection::note_tickets(const token_authority& tokens) {
  auto& kept = context_->loop.counters().tickets_kept;
  kept.add(static_cast<std::int64_t>(tokens.tickets()) - kept.value());
}

void http_connection::refuse(token_fault why, http_reply answer) {
  context_->loop.counters().count(why);
  const auto& row = describe(why);
  refuse(row.answer, std::move(answer), row.text);
}

}  // namespace status2::transport
