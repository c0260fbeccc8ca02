#include "service/request_events.hpp"

#include "actors/log.hpp"
#include "actors/messages.hpp"

#include <caf/send.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace status2::service {

using actors::log;
using actors::log_event;

namespace {

constexpr std::size_t longest_text = 120;  ///< bytes of a client in a log line

}  // namespace

void request_events::on_page(const transport::page_request& request,
                             transport::answer_function answer) {
  parts_.pages.answer(request, std::move(answer));
}

std::optional<transport::http_reply> request_events::on_command_head(
    const transport::command_request& request) {
  return parts_.door->judge(request);
}

void request_events::on_command(transport::command_request&& request,
                                transport::answer_function answer) {
  parts_.door->carry_out(request, answer);
}

transport::admission_result request_events::on_admission(
    const transport::address& who) {
  // While the broker drains there is room for nobody.
  if (parts_.status.draining) return {nullptr, transport::refusal::drain};
  if (!parts_.memory.held())
    return {nullptr, transport::refusal::out_of_memory};
  return parts_.places.enter(who);
}

void request_events::on_upgrade(transport::upgrade_request&& request) {
  caf::anon_send(
      parts_.supervisor,
      actors::client_accepted{
          std::make_shared<transport::upgrade_request>(std::move(request))});
}

void request_events::on_refused(const transport::refused_request& request) {
  parts_.counters.count(request.why);
  const auto& row = transport::describe(request.why);
  const bool limit = row.kind == transport::refusal_kind::limit;
  auto& lines = limit ? limited_requests_ : wrong_requests_;
  const auto suppressed = lines.admit(std::chrono::steady_clock::now());
  if (!suppressed) return;
  log(limit ? log_event::client_refused : log_event::request_refused,
      {{"reason", row.label},
       {"error", request.detail.empty() ? row.text : request.detail},
       {"remote", request.remote},
       {"origin", request.origin.substr(0, longest_text)},
       {"path", request.path.substr(0, longest_text)},
       {"suppressed", static_cast<std::int64_t>(*suppressed)}});
}

void request_events::on_tls_failed(std::string_view remote,
                                   std::string_view problem) {
  const auto now = std::chrono::steady_clock::now();
  if (const auto suppressed = failed_handshakes_.admit(now))
    log(log_event::tls_handshake_failed,
        {{"remote", remote},
         {"error", problem},
         {"suppressed", static_cast<std::int64_t>(*suppressed)}});
}

void request_events::on_accept_error(const boost::system::error_code& error) {
  log(log_event::accept_failed, {{"error", error.message()}});
}

void request_events::on_request_failed(std::string_view what) noexcept {
  log(log_event::request_failed, {{"error", what}});
}

}  // namespace status2::service
