#include "service/admin.hpp"

#include "service/metrics.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <utility>

namespace status2::service {

namespace {

std::string_view text_of(actors::link_phase phase) {
  switch (phase) {
    case actors::link_phase::connecting:
      return "connecting";
    case actors::link_phase::up:
      return "up";
    case actors::link_phase::interrupted:
      return "interrupted";
    case actors::link_phase::surfaced:
      return "unavailable";
  }
  return "unknown";
}

}  // namespace

admin::admin(const actors::broker_status& status,
             std::function<std::string()> metrics)
    : status_(status), metrics_(std::move(metrics)) {}

std::optional<transport::http_reply> admin::answer(
    std::string_view path) const {
  if (path == "/health") return transport::http_reply{.body = "OK"};
  if (path == "/ready") return ready();
  if (path == "/metrics") {
    if (!metrics_)
      return transport::http_reply{.status = 404, .body = "not found\n"};
    return transport::http_reply{200, std::string(metrics_content_type),
                                 metrics_()};
  }
  return std::nullopt;
}

transport::http_reply admin::ready() const {
  const auto now = std::chrono::steady_clock::now();
  const bool ready = status_.ready(now);
  const auto& resume = status_.last_resume;
  boost::json::object body{{"ready", ready},
                           {"redis", text_of(status_.link)},
                           {"draining", status_.draining.load()},
                           {"actors", status_.failing(now) ? "failing" : "ok"},
                           {"delivery", status_.canary_ok ? "ok" : "late"},
                           {"last_outage",
                            {{"outage_ms", resume.outage_ms.load()},
                             {"resume_worst_ms", resume.worst_ms.load()},
                             {"resume_p95_ms", resume.p95_ms.load()}}}};
  return {ready ? 200U : 503U, "application/json",
          boost::json::serialize(body) + "\n"};
}

}  // namespace status2::service
