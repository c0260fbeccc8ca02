// What pipelines read: one JSON object a line, with the keys they know.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/upgrade.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <caf/test/unit_test.hpp>

#include <array>
#include <fcntl.h>
#include <set>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

using namespace status2::support;
using status2::transport::unique_fd;

namespace {

/// `2026-01-02T03:04:05`, a fraction or none, `Z` or an offset.
bool is_rfc3339(const std::string& text) {
  const std::string pattern = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (pattern[i] == 'd' ? !digit : text[i] != pattern[i]) return false;
  }
  auto rest = text.substr(pattern.size());
  if (rest[0] == '.') rest.erase(0, rest.find_first_not_of("0123456789", 1));
  return rest == "Z" ||
         (rest.size() == 6 && (rest[0] == '+' || rest[0] == '-'));
}

void check_line(const std::string& text) {
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  if (error || !value.is_object()) {
    CAF_ERROR("no JSON object: " << text);
    return;
  }
  const auto& line = value.as_object();
  static const std::set<std::string> levels{"DEBUG", "INFO", "WARN", "ERROR"};
  if (!is_rfc3339(text_of(line, "time"))) CAF_ERROR("time: " << text);
  CAF_CHECK_EQUAL(levels.count(text_of(line, "level")), 1u);
  CAF_CHECK(!text_of(line, "msg").empty());
  CAF_CHECK(!text_of(line, "component").empty());
}

}  // namespace

CAF_TEST(every_line_is_a_json_object_with_the_known_keys) {
  stage s(environment{{"STATUS_PONG_TIMEOUT", "30s"}});
  auto viewer = s.view("run:logged");
  CAF_REQUIRE(viewer.live());
  viewer.send_text("no json \"quoted\" \\ \x01 \xc3\xa9");
  CAF_CHECK(s.broker.logs("malformed client message"));
  s.redis.restart();
  CAF_REQUIRE(viewer.live());
  viewer.connection().close();
  CAF_CHECK(s.broker.logs("client disconnected"));
  CAF_CHECK(s.broker.logs("channel left"));
  CAF_CHECK_EQUAL(s.broker.stop().value_or(-1), 0);
  const auto& lines = s.broker.child().lines();
  CAF_CHECK(lines.size() > 8);
  for (const auto& line : lines)
    check_line(line);
  for (auto* msg :
       {"status2 starting", "listening", "any origin is accepted",
        "pong timeout is below 60s", "redis subscribe established",
        "redis stream interrupted", "shutdown signal received", "stopped"})
    CAF_CHECK(!s.broker.logged(msg).empty());
  CAF_CHECK_EQUAL(s.broker.child().errors(), "");
}

CAF_TEST(a_session_is_named_by_run_channel_session_and_remote) {
  stage s;
  CAF_REQUIRE(s.view("run-7:logged").live());
  CAF_REQUIRE(s.broker.logs("client disconnected"));
  for (auto* msg : {"client connected", "client disconnected"}) {
    const auto line = s.broker.logged(msg).at(0);
    CAF_CHECK_EQUAL(text_of(line, "run_id"), "run-7");
    CAF_CHECK_EQUAL(text_of(line, "channel"), "logged");
    CAF_CHECK(line.contains("session"));
    CAF_CHECK(text_of(line, "remote").starts_with("127.0.0.1:"));
  }
}

CAF_TEST(a_channel_is_named_by_run_and_channel_wherever_it_comes) {
  stage s(environment{{"STATUS_MAX_CHANNELS", "1"}});
  {
    auto viewer = s.view("run-7:logged");
    CAF_REQUIRE(viewer.live());
    const auto answer = request(s.broker.port(), "GET", "/run-8:refused",
                                std::string(upgrade_headers));
    CAF_CHECK_EQUAL(answer.status, 503u);
  }
  CAF_REQUIRE(s.broker.logs("channel left"));
  const auto left = s.broker.logged("channel left").at(0);
  CAF_CHECK_EQUAL(text_of(left, "run_id"), "run-7");
  CAF_CHECK_EQUAL(text_of(left, "channel"), "logged");
  const auto refused = s.broker.logged("channel refused").at(0);
  CAF_CHECK_EQUAL(text_of(refused, "run_id"), "run-8");
  CAF_CHECK_EQUAL(text_of(refused, "channel"), "refused");
}

CAF_TEST(the_level_keeps_lesser_lines_out) {
  stage s(environment{{"STATUS_LOG_LEVEL", "warn"}});
  CAF_REQUIRE(s.view("run:quiet").live());
  CAF_CHECK_EQUAL(s.broker.stop().value_or(-1), 0);
  for (const auto& text : s.broker.child().lines()) {
    const auto level = text_of(boost::json::parse(text).as_object(), "level");
    CAF_CHECK(level == "WARN" || level == "ERROR");
  }
  CAF_CHECK_EQUAL(s.broker.logged("shutdown signal received").size(), 0u);
}

CAF_TEST(an_output_that_fails_costs_lines_and_nothing_else) {
  redis_server redis;
  broker_process broker(redis, {.output = "/dev/full"});
  auto viewer = broker.view("run:full");
  CAF_REQUIRE(viewer.live());
  CAF_CHECK(eventually(patience, [&] {
    return broker.value("status2_log_lines_dropped_total") >= 3;
  }));
  redis.publish("run:full", "still here");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("still here"));
  viewer.connection().close();
  CAF_CHECK_EQUAL(broker.stop().value_or(-1), 0);
}

CAF_TEST(a_reader_of_the_log_that_comes_back_is_told_of_its_loss) {
  const temporary_directory directory;
  const auto path = directory.path() + "/log";
  CAF_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto open_reader = [&path] {
    return unique_fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  };
  auto reader = open_reader();
  redis_server redis;
  broker_process broker(redis, {.output = path});
  reader = unique_fd();
  auto viewer = broker.view("run:pipe");
  CAF_REQUIRE(viewer.live());
  CAF_CHECK(eventually(patience, [&] {
    return broker.value("status2_log_lines_dropped_total") >= 1;
  }));
  reader = open_reader();
  std::string text;
  CAF_CHECK(eventually(patience, [&] {
    broker.view("run:more").connection().close();
    std::array<char, 4096> bytes{};
    const auto count = ::read(reader.value(), bytes.data(), bytes.size());
    if (count > 0) text.append(bytes.data(), static_cast<std::size_t>(count));
    return text.find("\"log lines lost\"") != std::string::npos;
  }));
  redis.publish("run:pipe", "still here");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("still here"));
}
