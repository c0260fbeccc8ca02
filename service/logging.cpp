#include "service/logging.hpp"

#include "service/descriptor_sink.hpp"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace status2::service {

namespace {

constexpr std::size_t default_queue = 8192;

/// Lines that the sink of this process could not write.
std::atomic<std::int64_t> unwritten{0};

/// `%*` in the pattern: the level as existing pipelines read it.
class level_name : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const auto name = name_of(line.level);
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<level_name>();
  }

 private:
  static std::string_view name_of(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::trace:
      case spdlog::level::debug:
        return "DEBUG";
      case spdlog::level::info:
        return "INFO";
      case spdlog::level::warn:
        return "WARN";
      default:
        return "ERROR";
    }
  }
};

spdlog::level::level_enum to_spdlog(actors::log_level level) {
  switch (level) {
    case actors::log_level::DEBUG:
      return spdlog::level::debug;
    case actors::log_level::INFO:
      return spdlog::level::info;
    case actors::log_level::WARN:
      return spdlog::level::warn;
    case actors::log_level::ERROR:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

logging::logging(actors::log_level least)
    : logging(least, STDOUT_FILENO, default_queue) {}

logging::logging(actors::log_level least, int fd, std::size_t queue) {
  const auto sink = std::make_shared<descriptor_sink>(fd, unwritten);
  spdlog::init_thread_pool(queue, 1);
  sink->behind(spdlog::thread_pool().get());
  begin(least, sink);
}

logging::logging(actors::log_level least, spdlog::sink_ptr sink,
                 std::size_t queue) {
  spdlog::init_thread_pool(queue, 1);
  begin(least, std::move(sink));
}

void logging::begin(actors::log_level least, spdlog::sink_ptr sink) {
  unwritten = 0;
  logger_ = std::make_shared<spdlog::async_logger>(
      "status2", std::move(sink), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  auto formatter = std::make_unique<spdlog::pattern_formatter>(
      spdlog::pattern_time_type::utc);
  formatter->add_flag<level_name>('*').set_pattern(
      R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%*",%v})");
  logger_->set_formatter(std::move(formatter));
  logger_->set_level(to_spdlog(least));
  spdlog::set_default_logger(logger_);
}

void logging::level(actors::log_level least) {
  spdlog::set_level(to_spdlog(least));
}

logging::~logging() {
  finish();
}

void logging::finish() {
  // The thread writes what waits before it is joined.
  spdlog::shutdown();
}

std::int64_t logging::dropped_lines() {
  const auto pool = spdlog::thread_pool();
  return unwritten +
         (pool ? static_cast<std::int64_t>(pool->overrun_counter()) : 0);
}

}  // namespace status2::service
