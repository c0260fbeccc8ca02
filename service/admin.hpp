/// The pages `/health`, `/ready` and `/metrics`, rendered off the threads that
/// serve viewers, and the files of web/.
#pragma once

#include "actors/supervisor.hpp"
#include "transport/listener.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace status2::service {

/// Thread: any.
class admin {
 public:
  /// Pages are rendered on `loop`. `metrics` renders the Prometheus text.
  /// `/metrics` is 404 until serve_metrics(true). `loop` and `status` must
  /// outlive it.
  admin(boost::asio::io_context& loop, const actors::broker_status& status,
        std::function<std::string()> metrics);

  void serve_metrics(bool yes) { metrics_served_ = yes; }
  /// Answers GET of a page: `/health`, which proves that the caller's thread
  /// serves, and files at once, the others from `loop`. Blocks: never.
  void answer(const transport::page_request& request,
              transport::answer_function reply);

 private:
  transport::http_reply ready() const;
  /// Renders `/metrics` once for all who wait.
  void render_metrics();

  boost::asio::io_context& loop_;
  const actors::broker_status& status_;
  const std::function<std::string()> metrics_;
  std::atomic<bool> metrics_served_{false};
  std::mutex mutex_;
  std::vector<transport::answer_function> scrapes_;  ///< that wait
};

}  // namespace status2::service
