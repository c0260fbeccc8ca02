#include "actors/log.hpp"

#include <caf/test/dsl.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

using namespace status2::actors;

namespace {

/// Collects what log() hands to spdlog's default logger.
struct fixture {
  fixture() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(lines);
    auto logger = std::make_shared<spdlog::logger>("test", sink);
    logger->set_pattern("%v", spdlog::pattern_time_type::utc);
    spdlog::set_default_logger(logger);
  }
  ~fixture() { spdlog::shutdown(); }

  std::string taken() {
    auto text = lines.str();
    lines.str("");
    return text;
  }

  std::ostringstream lines;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(log_tests, fixture)

CAF_TEST(a line starts with the message and the component) {
  log(log_event::redis_established);
  CAF_CHECK_EQUAL(taken(),
                  "\"msg\":\"redis subscribe established\","
                  "\"component\":\"redis\"\n");
}

CAF_TEST(fields are escaped and numbers are not quoted) {
  log(log_event::redis_failed,
      {{"error", "no \"route\"\n"}, {"attempt", std::int64_t{3}}});
  CAF_CHECK_EQUAL(taken(),
                  "\"msg\":\"redis subscribe failed\","
                  "\"component\":\"redis\","
                  "\"error\":\"no \\\"route\\\"\\n\",\"attempt\":3\n");
}

CAF_TEST(an empty text field is left out and a zero is not ) {
  log(log_event::redis_failed, {{"error", ""}, {"attempt", std::int64_t{0}}});
  CAF_CHECK_EQUAL(taken(),
                  "\"msg\":\"redis subscribe failed\","
                  "\"component\":\"redis\",\"attempt\":0\n");
}

CAF_TEST(lines below the level are not written) {
  spdlog::default_logger_raw()->set_level(spdlog::level::warn);
  log(log_event::redis_established);
  log(log_event::redis_interrupted);
  CAF_CHECK_EQUAL(taken(),
                  "\"msg\":\"redis stream interrupted\","
                  "\"component\":\"redis\"\n");
}

CAF_TEST(a channel is named by its run and the rest) {
  using parts = std::pair<std::string_view, std::string_view>;
  CAF_CHECK(halves("run:wepp") == parts("run", "wepp"));
  CAF_CHECK(halves("run;7:") == parts("run;7", ""));
  CAF_CHECK(halves("") == parts("", ""));
}

CAF_TEST(text that looks like a format is written as it is) {
  log(log_event::stopped, {{"error", "{} {0} %v"}});
  CAF_CHECK_EQUAL(taken(),
                  "\"msg\":\"stopped\",\"component\":\"service\","
                  "\"error\":\"{} {0} %v\"\n");
}

CAF_TEST_FIXTURE_SCOPE_END()
