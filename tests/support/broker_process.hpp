/// The real `status2` of this build (environment variable STATUS2_BINARY),
/// run by a test with a configuration of its own.
#pragma once

#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/tcp_client.hpp"
#include "tests/support/viewer.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::support {

/// Path of the binary. Errors: throws where STATUS2_BINARY is not set.
std::string status2_binary();

/// Runs `status2 arguments` to its end.
outcome run_status2(std::vector<std::string> arguments,
                    environment variables = {}, std::string input = {});

/// What the tests serve with, where one does not say otherwise: short waits,
/// every log line, metrics, a heartbeat so rare that a ping is an answer.
environment quick_settings(const std::string& redis_url);

struct broker_options {
  environment variables{};  ///< over quick_settings()
  std::vector<std::string> arguments{};
  std::uint16_t port = 0;                      ///< 0: a free one
  std::optional<std::uint64_t> descriptors{};  ///< RLIMIT_NOFILE
  /// This file is its `/etc/hosts`, in a mount namespace of its own; needs
  /// root.
  std::string hosts{};
  std::string resolver{};  ///< the same for `/etc/resolv.conf`
  std::string output{};    ///< where its log goes; else logged() has it
};

/// Serves on a loopback port. Blocks: the constructor until `/health` answers.
/// Thread: one.
class broker_process {
 public:
  explicit broker_process(const redis_server& redis,
                          broker_options options = {});
  /// STATUS_REDIS_URL says where its Redis is.
  explicit broker_process(const std::string& redis_url,
                          broker_options options = {});

  std::uint16_t port() const { return port_; }
  process& child() { return process_; }
  viewer view(std::string_view channel, const viewer_options& options = {});
  http_response get(std::string_view path);

  /// SIGTERM, and the exit code; nothing if it lives on.
  std::optional<int> stop(std::chrono::nanoseconds wait = patience);

  /// The value of a sample, by its whole name with labels; nothing if there
  /// is none.
  std::optional<double> metric(std::string_view sample);
  /// The same; -1 if there is none.
  double value(std::string_view sample) { return metric(sample).value_or(-1); }
  /// Whether the sample comes to `value` in time.
  bool metric_becomes(std::string_view sample, double value,
                      std::chrono::nanoseconds wait = patience);

  /// Log lines with this `msg`. Errors: a line that is no JSON object throws.
  std::vector<boost::json::object> logged(std::string_view msg);
  /// Whether at least `count` lines with this `msg` come in time.
  bool logs(std::string_view msg, std::size_t count = 1,
            std::chrono::nanoseconds wait = patience);

 private:
  std::uint16_t port_ = 0;
  process process_;
  std::vector<boost::json::object> log_;
};

/// The text of a key of a log line; empty if it is absent or no string.
std::string text_of(const boost::json::object& line, std::string_view key);

}  // namespace status2::support
