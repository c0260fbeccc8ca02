#include "tests/support/broker_process.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/io_backend.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace {

using namespace std::chrono_literals;

std::string loopback(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

process_options program(std::vector<std::string> arguments,
                        environment variables) {
  arguments.insert(arguments.begin(), status2_binary());
  return {.command = std::move(arguments), .variables = std::move(variables)};
}

/// Has `command` see `file` at `place`, in a mount namespace of its own.
void mount_over(std::vector<std::string>& command, const std::string& file,
                const std::string& place) {
  if (file.empty()) return;
  const std::vector<std::string> wrapper{
      "unshare",
      "--mount",
      "sh",
      "-c",
      R"(mount --bind "$0" "$1" && shift && exec "$@")",
      file,
      place};
  command.insert(command.begin(), wrapper.begin(), wrapper.end());
}

process_options serving(const std::string& redis_url, broker_options options,
                        std::uint16_t port) {
  auto variables = quick_settings(redis_url);
  variables["STATUS_LISTEN_ADDR"] = loopback(port);
  for (auto& [name, value] : options.variables)
    variables[name] = value;
  auto result = program(std::move(options.arguments), std::move(variables));
  if (!options.output.empty()) {
    const std::vector<std::string> wrapper{"sh", "-c", R"(exec "$@" >"$0")",
                                           options.output};
    result.command.insert(result.command.begin(), wrapper.begin(),
                          wrapper.end());
  }
  mount_over(result.command, options.hosts, "/etc/hosts");
  mount_over(result.command, options.resolver, "/etc/resolv.conf");
  result.descriptors = options.descriptors;
  return result;
}

}  // namespace

std::string status2_binary() {
  const char* path = std::getenv("STATUS2_BINARY");
  if (path == nullptr) throw std::runtime_error("STATUS2_BINARY is not set");
  return path;
}

outcome run_status2(std::vector<std::string> arguments, environment variables,
                    std::string input) {
  auto options = program(std::move(arguments), std::move(variables));
  options.input = std::move(input);
  return run(std::move(options));
}

environment quick_settings(const std::string& redis_url) {
  return {
      {"STATUS_REDIS_URL", redis_url},
      {"STATUS_PING_INTERVAL", "1h"},
      {"STATUS_REDIS_RETRY_BASE", "100ms"},
      {"STATUS_REDIS_RETRY_MAX", "500ms"},
      {"STATUS_CHANNEL_LINGER", "200ms"},
      {"STATUS_TAIL_LINGER", "0s"},
      {"STATUS_IO_THREADS", "2"},
      {"STATUS_METRICS_ENABLED", "true"},
      {"STATUS_LOG_LEVEL", "debug"},
      {"STATUS_CANARY_INTERVAL", "0s"},
      {"STATUS_IO_BACKEND", std::string(name_of(io_backend()))},
  };
}

broker_process::broker_process(const redis_server& redis,
                               broker_options options)
    : broker_process(redis.url(), std::move(options)) {}

broker_process::broker_process(const std::string& redis_url,
                               broker_options options)
    : port_(options.port == 0 ? free_port() : options.port),
      process_(serving(redis_url, std::move(options), port_)) {
  const bool serves = eventually(30s, [this] {
    if (!process_.running()) return true;
    try {
      return get("/health").status == 200;
    } catch (const std::runtime_error&) {
      return false;  // it does not listen yet
    }
  });
  if (!serves || !process_.running())
    throw std::runtime_error("status2 does not serve: " + process_.errors());
}

viewer broker_process::view(std::string_view channel,
                            const viewer_options& options) {
  return {port_, channel, options};
}

http_response broker_process::get(std::string_view path) {
  return request(port_, "GET", path, "Connection: close\r\n");
}

std::optional<int> broker_process::stop(std::chrono::nanoseconds wait) {
  process_.signal(SIGTERM);
  return process_.wait(wait);
}

std::optional<double> broker_process::metric(std::string_view sample) {
  const auto text = "\n" + get("/metrics").body;
  const auto line = "\n" + std::string(sample) + ' ';
  const auto at = text.find(line);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(text.c_str() + at + line.size(), nullptr);
}

bool broker_process::metric_becomes(std::string_view sample, double value,
                                    std::chrono::nanoseconds wait) {
  return eventually(wait, [&] { return metric(sample) == value; });
}

std::vector<boost::json::object> broker_process::logged(std::string_view msg) {
  const auto& lines = process_.lines();
  while (log_.size() < lines.size())
    log_.push_back(boost::json::parse(lines[log_.size()]).as_object());
  std::vector<boost::json::object> found;
  for (const auto& line : log_)
    if (text_of(line, "msg") == msg) found.push_back(line);
  return found;
}

bool broker_process::logs(std::string_view msg, std::size_t count,
                          std::chrono::nanoseconds wait) {
  return eventually(wait, [&] { return logged(msg).size() >= count; });
}

std::string text_of(const boost::json::object& line, std::string_view key) {
  const auto* value = line.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->as_string());
}

}  // namespace status2::support
