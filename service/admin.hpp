/// The answers to `/health`, `/ready` and `/metrics`.
#pragma once

#include "actors/supervisor.hpp"
#include "transport/listener.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace status2::service {

/// Thread: any.
class admin {
 public:
  /// `metrics` renders the Prometheus text; empty function: `/metrics` is 404.
  admin(const actors::broker_status& status,
        std::function<std::string()> metrics);

  /// The answer to GET `path`, or nothing if it is no admin path. Blocks: for
  /// `/metrics`, which reads files of /proc.
  std::optional<transport::http_reply> answer(std::string_view path) const;

 private:
  transport::http_reply ready() const;

  const actors::broker_status& status_;
  std::function<std::string()> metrics_;
};

}  // namespace status2::service
