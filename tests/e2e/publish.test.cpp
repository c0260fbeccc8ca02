// `status2 publish` and a real Redis: ways to reach it and to log in.
#include "tests/support/broker_process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/redis_double.hpp"
#include "tests/support/redis_server.hpp"

#include <boost/json/parse.hpp>
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

CAF_TEST(a steady producer reports what it published and how late redis is) {
  redis_server redis;
  const auto result =
      run_status2({"publish", "--rate", "200", "--for", "1s", "--channels", "4",
                   "--size", "200", "--reference", "run:load"},
                  {{"STATUS_REDIS_URL", redis.url()}});
  CAF_REQUIRE_EQUAL(result.exit_code.value_or(-1), 0);
  const auto report = boost::json::parse(result.output).as_object();
  CAF_CHECK_EQUAL(report.at("published").to_number<int>(), 200);
  CAF_CHECK_EQUAL(report.at("answered").to_number<int>(), 200);
  CAF_CHECK_EQUAL(report.at("skipped").to_number<int>(), 0);
  const auto& reference = report.at("reference").as_object();
  CAF_CHECK_EQUAL(reference.at("received").to_number<int>(), 200);
  CAF_CHECK(reference.at("latency_ms").at("p95").to_number<double>() > 0);
  CAF_CHECK_EQUAL(redis.calls("publish"), 200);
}

CAF_TEST(a reference that may not subscribe ends with an error) {
  redis_server redis({.users = {"bob on >pw ~* &other:* +@all",
                                "eve on >pw ~* &* +@all -subscribe"}});
  for (const std::string user : {"bob", "eve"}) {
    const auto result = run_status2(
        {"publish", "--rate", "50", "--for", "1s", "--reference", "run:load"},
        {{"STATUS_REDIS_URL", "redis://" + user + ":pw@" + host_of(redis)}});
    CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 1);
    CAF_CHECK(result.errors.find("SUBSCRIBE: NOPERM") != std::string::npos);
    CAF_CHECK(result.output.empty());
  }
  CAF_CHECK_EQUAL(redis.calls("publish"), 0);
}

CAF_TEST(a reference that loses its right to subscribe ends with an error) {
  redis_server redis({.users = {"bob on >pw ~* &* +@all"}});
  process producer({.command = {status2_binary(), "publish", "--rate", "100",
                                "--for", "30s", "--reference", "run:load"},
                    .variables = {{"STATUS_REDIS_URL",
                                   "redis://bob:pw@" + host_of(redis)}}});
  CAF_REQUIRE(eventually(patience, [&] { return redis.calls("publish") > 5; }));
  redis.client().command({"ACL", "SETUSER", "bob", "-subscribe"});
  redis.kill_pubsub_clients();
  CAF_CHECK(producer.wait(patience) == 1);
  CAF_CHECK(producer.errors().find("SUBSCRIBE: NOPERM") != std::string::npos);
}

CAF_TEST(a reference whose subscription is not answered ends with an error) {
  redis_double redis;
  redis.answer_late("run:load");
  const auto result = run_status2(
      {"publish", "--rate", "50", "--for", "1s", "--reference", "run:load"},
      {{"STATUS_REDIS_URL",
        "redis://127.0.0.1:" + std::to_string(redis.port())}});
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 1);
  CAF_CHECK(result.errors.find("SUBSCRIBE: no answer in time") !=
            std::string::npos);
  CAF_CHECK_EQUAL(redis.commands("PUBLISH"), 0u);
}

CAF_TEST(a steady producer lives through a restart of redis) {
  redis_server redis;
  process producer({.command = {status2_binary(), "publish", "--rate", "100",
                                "--for", "3s", "run:load"},
                    .variables = {{"STATUS_REDIS_URL", redis.url()}}});
  CAF_REQUIRE(
      eventually(patience, [&] { return redis.calls("publish") > 20; }));
  redis.kill();
  redis.start();
  CAF_CHECK(eventually(patience, [&] { return redis.calls("publish") > 20; }));
  CAF_REQUIRE(producer.wait(patience) == 0);
  CAF_REQUIRE(!producer.lines().empty());
  const auto report = boost::json::parse(producer.lines()[0]).as_object();
  const auto number = [&](const char* name) {
    return report.at(name).to_number<int>();
  };
  CAF_CHECK(number("skipped") > 0);
  CAF_CHECK_EQUAL(number("published") + number("skipped"), 300);
  CAF_CHECK_EQUAL(number("published"),
                  number("answered") + number("unanswered"));
}

CAF_TEST(a steady producer without a redis says so) {
  const auto result =
      run_status2({"publish", "--rate", "10", "--for", "1s", "run:load"},
                  {{"STATUS_REDIS_URL", "redis://127.0.0.1:1"}});
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 1);
  CAF_CHECK(result.errors.find("Connection refused") != std::string::npos);
}
