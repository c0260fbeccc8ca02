// `status2 publish` and a real Redis: ways to reach it and to log in.
#include "tests/support/broker_process.hpp"
#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::support;

namespace {

/// Publishes one message; the exit code, or -1.
int publish(const environment& variables) {
  return run_status2({"publish", "run:log", "hello"}, variables)
      .exit_code.value_or(-1);
}

std::string host_of(const redis_server& redis) {
  return "127.0.0.1:" + std::to_string(redis.port());
}

}  // namespace

CAF_TEST(every line of standard input is a message) {
  redis_server redis;
  const environment variables{{"STATUS_REDIS_URL", redis.url()}};
  const auto result =
      run_status2({"publish", "run:log", "-"}, variables, "a\n\nb\nlast");
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 0);
  CAF_CHECK_EQUAL(redis.calls("publish"), 4);
}

CAF_TEST(a password is needed and may come from the url or beside it) {
  redis_server redis({.password = "p@ss:word"});
  const auto url = "redis://" + host_of(redis);
  CAF_CHECK_EQUAL(publish({{"STATUS_REDIS_URL", url}}), 1);
  CAF_CHECK_EQUAL(
      publish({{"STATUS_REDIS_URL", url}, {"REDIS_PASSWORD", "p@ss:word"}}), 0);
  CAF_CHECK_EQUAL(publish({{"STATUS_REDIS_URL", "redis://:p%40ss%3Aword@" +
                                                    host_of(redis) + "/2"}}),
                  0);
}

CAF_TEST(a user of an access list logs in by name) {
  redis_server redis({.users = {"bob on >pw ~* &* +@all"}});
  CAF_CHECK_EQUAL(
      publish({{"STATUS_REDIS_URL", "redis://bob:pw@" + host_of(redis)}}), 0);
  CAF_CHECK_EQUAL(
      publish({{"STATUS_REDIS_URL", "redis://bob:no@" + host_of(redis)}}), 1);
}

CAF_TEST(a unix socket is as good as a port) {
  redis_server redis({.unix_socket = true});
  CAF_CHECK_EQUAL(
      publish({{"STATUS_REDIS_URL", "unix://" + redis.unix_path() + "?db=2"}}),
      0);
  CAF_CHECK_EQUAL(redis.calls("publish"), 1);
}

CAF_TEST(a redis that hangs is given up) {
  redis_server redis;
  redis.freeze();
  const auto result = run_status2({"publish", "run:log", "hello"},
                                  {{"STATUS_REDIS_URL", redis.url()},
                                   {"STATUS_REDIS_REQUEST_TIMEOUT", "200ms"}});
  redis.thaw();
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 1);
  CAF_CHECK(result.errors.find("no answer in time") != std::string::npos);
}
