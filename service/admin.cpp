#include "service/admin.hpp"

#include "service/assets.hpp"
#include "service/metrics.hpp"

#include <boost/asio/post.hpp>
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

admin::admin(boost::asio::io_context& loop, const actors::broker_status& status,
             std::function<std::string()> metrics)
    : loop_(loop), status_(status), metrics_(std::move(metrics)) {}

void admin::answer(const transport::page_request& request,
                   transport::answer_function reply) {
  using transport::resource;
  const auto page = request.page;
  if (page == resource::health) {
    reply({.body = "OK"});
  } else if (page == resource::ready) {
    boost::asio::post(loop_,
                      [this, reply = std::move(reply)] { reply(ready()); });
  } else if (page == resource::metrics && metrics_served_) {
    const std::lock_guard guard(mutex_);
    if (scrapes_.empty())
      boost::asio::post(loop_, [this] { render_metrics(); });
    scrapes_.push_back(std::move(reply));
  } else if (auto file = answer_asset(request)) {
    reply(std::move(*file));
  } else {
    reply(transport::reply_of(transport::refusal::not_found));
  }
}

void admin::render_metrics() {
  std::vector<transport::answer_function> waiting;
  {
    const std::lock_guard guard(mutex_);
    waiting.swap(scrapes_);
  }
  const transport::http_reply page{
      .content_type = std::string(metrics_content_type), .body = metrics_()};
  for (const auto& reply : waiting)
    reply(page);
}

transport::http_reply admin::ready() const {
  const auto now = std::chrono::steady_clock::now();
  const bool ready = status_.ready(now);
  const auto& resume = status_.last_resume;
  boost::json::object body{
      {"ready", ready},
      {"redis", text_of(status_.link)},
      {"draining", status_.draining.load()},
      {"actors", status_.failing(now) ? "failing" : "ok"},
      {"delivery", status_.canary_ok ? "ok" : "late"},
      {"channels_refused", status_.channels_refused.load()},
      {"last_outage",
       {{"outage_ms", resume.outage_ms.load()},
        {"resume_worst_ms", resume.worst_ms.load()},
        {"resume_p95_ms", resume.p95_ms.load()}}}};
  return {ready ? 200U : 503U, "application/json",
          boost::json::serialize(body) + "\n"};
}

}  // namespace status2::service
