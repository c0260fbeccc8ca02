#include "service/configuration_file.hpp"

#include "tests/support/temporary_directory.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::service;
using status2::support::temporary_directory;

namespace {

std::string error_of(std::string_view text) {
  return parse_configuration_file(text, "/etc/status2.conf").error;
}

}  // namespace

CAF_TEST(lines are keys and values and comments and blanks do not count) {
  const auto result = parse_configuration_file(
      "# a comment\n"
      "\n"
      "STATUS_LOG_LEVEL=warn\r\n"
      "  STATUS_PING_INTERVAL = 1m30s \n"
      "\t# another = comment\n"
      "STATUS_REDIS_URL=redis://:a#b=c@host/2\n"
      "STATUS_HOSTS=\n"
      "REDIS_HOST=redis",
      "f");
  CAF_CHECK_EQUAL(result.error, "");
  CAF_REQUIRE_EQUAL(result.entries.size(), 5u);
  const auto& entries = result.entries;
  CAF_CHECK_EQUAL(entries.at("STATUS_LOG_LEVEL").text, "warn");
  CAF_CHECK_EQUAL(entries.at("STATUS_LOG_LEVEL").line, 3u);
  CAF_CHECK_EQUAL(entries.at("STATUS_PING_INTERVAL").text, "1m30s");
  CAF_CHECK_EQUAL(entries.at("STATUS_REDIS_URL").text, "redis://:a#b=c@host/2");
  CAF_CHECK_EQUAL(entries.at("STATUS_HOSTS").text, "");
  CAF_CHECK_EQUAL(entries.at("REDIS_HOST").line, 8u);
}

CAF_TEST(an error names file and line and shows no value) {
  CAF_CHECK_EQUAL(
      error_of("\nSTATUS_PINGS=hidden\n"),
      "/etc/status2.conf:2: STATUS_PINGS is unknown; see status2 --help");
  CAF_CHECK_EQUAL(error_of("hidden"), "/etc/status2.conf:1: no KEY=value");
  CAF_CHECK_EQUAL(
      error_of("my secret=1"),
      "/etc/status2.conf:1: the name of the variable is not accepted");
  CAF_CHECK_EQUAL(error_of("STATUS_HOSTS=a\n#\nSTATUS_HOSTS=b"),
                  "/etc/status2.conf:3: STATUS_HOSTS is also in line 1");
  CAF_CHECK_EQUAL(
      error_of("STATUS_CONFIG_FILE=b"),
      "/etc/status2.conf:1: STATUS_CONFIG_FILE is for the environment");
}

CAF_TEST(the file is below environment and flags and above the default) {
  temporary_directory directory;
  const auto file = directory.write("conf",
                                    "STATUS_PING_INTERVAL=1s\n"
                                    "STATUS_PONG_TIMEOUT=2m\n"
                                    "STATUS_HANGUP=true\n"
                                    "STATUS_WRITE_TIMEOUT=\n");
  const auto loaded = load_configuration(
      {{"STATUS_CONFIG_FILE", "/none"},
       {"STATUS_PONG_TIMEOUT", "3m"},
       {"STATUS_HANGUP", ""}},
      {{"STATUS_CONFIG_FILE", file}, {"STATUS_PING_INTERVAL", "5ms"}});
  using namespace std::chrono_literals;
  CAF_REQUIRE_EQUAL(loaded.error, "");
  CAF_CHECK(loaded.values.ping_interval == 5ms);
  CAF_CHECK(loaded.values.pong_timeout == 3min);
  CAF_CHECK(loaded.values.hangup);
  CAF_CHECK(loaded.values.write_timeout == 2s);
  CAF_CHECK_EQUAL(loaded.origins.at("STATUS_HANGUP").source, file + ":3");
  CAF_CHECK_EQUAL(loaded.origins.at("STATUS_CONFIG_FILE").source, "--config");
}

CAF_TEST(a value that is not accepted names its line) {
  temporary_directory directory;
  const auto file = directory.write("conf", "#\nSTATUS_PING_INTERVAL=soon\n");
  const auto error =
      load_configuration({{"STATUS_CONFIG_FILE", file}}, {}).error;
  CAF_CHECK(error.starts_with("STATUS_PING_INTERVAL=soon (from " + file +
                              ":2) is not accepted; accepted: "));
  CAF_CHECK(load_configuration({{"STATUS_CONFIG_FILE", "/none"}}, {})
                .error.starts_with("STATUS_CONFIG_FILE=/none: cannot be read"));
}

CAF_TEST(a password in the file is used and never shown) {
  temporary_directory directory;
  const auto file =
      directory.write("conf",
                      "REDIS_PASSWORD=hidden\n"
                      "STATUS_REDIS_URL=redis://user:hidden@h/x\n");
  const auto error =
      load_configuration({{"STATUS_CONFIG_FILE", file}}, {}).error;
  CAF_CHECK(!error.empty());
  CAF_CHECK(error.find("hidden") == std::string::npos);
  directory.write("conf", "REDIS_PASSWORD=hidden\n");
  const auto loaded = load_configuration({{"STATUS_CONFIG_FILE", file}}, {});
  CAF_CHECK_EQUAL(loaded.values.redis.password, "hidden");
  for (const auto& [name, origin] : loaded.origins)
    CAF_CHECK(origin.text.find("hidden") == std::string::npos);
}

CAF_TEST(each row says whether a change is live) {
  for (const auto& row : keys())
    CAF_CHECK(row.on_reload == reload::live ||
              row.on_reload == reload::restart);
}
