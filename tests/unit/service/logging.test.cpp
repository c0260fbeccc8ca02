#include "service/logging.hpp"

#include <boost/json.hpp>
#include <caf/test/unit_test.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <condition_variable>
#include <sstream>

using namespace status2;
using actors::log_event;
using service::logging;

namespace {

/// What was logged while `body` ran, a parsed object a line.
template <class Body>
std::vector<boost::json::object> logged(actors::log_level least, Body body) {
  std::ostringstream out;
  {
    logging scope{least, std::make_shared<spdlog::sinks::ostream_sink_mt>(out),
                  16};
    body();
  }
  std::vector<boost::json::object> lines;
  std::istringstream in(out.str());
  for (std::string line; std::getline(in, line);)
    lines.push_back(boost::json::parse(line).as_object());
  return lines;
}

/// A sink whose first line waits until it is released.
class held_sink : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& line) override {
    std::unique_lock lock(mutex);
    ++taken;
    changed.notify_all();
    changed.wait(lock, [this] { return released; });
    last.assign(line.payload.data(), line.payload.size());
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  void await_first() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return taken > 0; });
  }
  void release() {
    const std::lock_guard lock(mutex);
    released = true;
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  int taken = 0;
  bool released = false;
  std::string last;
};

}  // namespace

CAF_TEST(a line is one json object with the keys of the contract) {
  const auto lines = logged(actors::log_level::DEBUG, [] {
    log(log_event::redis_failed,
        {{"error", "refused"}, {"attempt", std::int64_t{2}}});
  });
  CAF_REQUIRE_EQUAL(lines.size(), 1u);
  const auto& line = lines.front();
  CAF_CHECK_EQUAL(line.begin()->key(), "time");
  CAF_CHECK_EQUAL(line.at("level").as_string(), "WARN");
  CAF_CHECK_EQUAL(line.at("msg").as_string(), "redis subscribe failed");
  CAF_CHECK_EQUAL(line.at("component").as_string(), "redis");
  CAF_CHECK_EQUAL(line.at("error").as_string(), "refused");
  CAF_CHECK_EQUAL(line.at("attempt").as_int64(), 2);
}

CAF_TEST(the time is rfc 3339 in utc with milliseconds) {
  const auto lines =
      logged(actors::log_level::DEBUG, [] { log(log_event::stopped); });
  CAF_REQUIRE_EQUAL(lines.size(), 1u);
  std::string shape(lines.front().at("time").as_string());
  for (auto& letter : shape) {
    if (letter >= '0' && letter <= '9') letter = '0';
  }
  CAF_CHECK_EQUAL(shape, "0000-00-00T00:00:00.000Z");
}

CAF_TEST(each level has its name and the least one is a limit) {
  const auto all = [] {
    log(log_event::client_connected);
    log(log_event::stopped);
    log(log_event::redis_interrupted);
    log(log_event::redis_surfaced);
  };
  const std::vector<std::string> names{"DEBUG", "INFO", "WARN", "ERROR"};
  for (std::size_t least = 0; least < names.size(); ++least) {
    const auto lines = logged(static_cast<actors::log_level>(least), all);
    CAF_REQUIRE_EQUAL(lines.size(), names.size() - least);
    for (std::size_t i = 0; i < lines.size(); ++i)
      CAF_CHECK_EQUAL(std::string(lines[i].at("level").as_string()),
                      names[least + i]);
  }
}

CAF_TEST(a stalled output drops the oldest lines and counts them) {
  const auto sink = std::make_shared<held_sink>();
  {
    logging scope{actors::log_level::INFO, sink, 4};
    log(log_event::stopped);
    sink->await_first();
    for (std::int64_t i = 0; i < 10; ++i)
      log(log_event::listening, {{"attempt", i}});
    // One is being written, four wait.
    CAF_CHECK_EQUAL(logging::dropped_lines(), 6);
    sink->release();
  }
  CAF_CHECK(sink->last.ends_with("\"attempt\":9"));
}
