/// A broker whose configuration changes while it runs.
#pragma once

#include "tests/support/broker_process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/viewer.hpp"

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace status2::support {

/// A broker with a configuration file, which each test rewrites. The file names
/// its Redis in the first line, unless the test does it. A variable of the
/// environment comes before the file: tests empty those of quick_settings()
/// that their file is to change. `port`: as broker_options has it.
struct living {
  explicit living(const std::string& text, environment variables = {},
                  redis_options how = {}, std::uint16_t port = 0)
      : redis(std::move(how)) {
    write(text);
    variables["STATUS_CONFIG_FILE"] = file;
    variables["STATUS_REDIS_URL"] = "";
    broker.emplace(
        redis, broker_options{.variables = std::move(variables), .port = port});
  }

  void write(const std::string& text) {
    const bool named = text.find("STATUS_REDIS_URL") != std::string::npos;
    file = directory.write(
        "status2.conf",
        (named ? "" : "STATUS_REDIS_URL=" + redis.url() + "\n") + text);
  }
  /// Whether the broker takes `text`.
  bool reload(const std::string& text) {
    write(text);
    return hang_up("configuration reloaded");
  }
  bool hang_up(const std::string& message) {
    const auto before = broker->logged(message).size();
    broker->child().signal(SIGHUP);
    return broker->logs(message, before + 1);
  }
  std::string last(const std::string& message, const std::string& field) {
    const auto lines = broker->logged(message);
    return lines.empty() ? "" : text_of(lines.back(), field);
  }
  unsigned ask(const std::string& headers, const std::string& path = "/r:c") {
    return request(broker->port(), "GET", path,
                   std::string(upgrade_headers) + headers)
        .status;
  }

  temporary_directory directory;
  std::string file;
  redis_server redis;
  std::optional<broker_process> broker;
};

}  // namespace status2::support
