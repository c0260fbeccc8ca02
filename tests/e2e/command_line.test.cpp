// Flags, verbs, exit codes, and what a wrong value is told.
#include "tests/support/chaos_stage.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/temporary_directory.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

int code(const outcome& result) {
  return result.exit_code.value_or(-1);
}

}  // namespace

CAF_TEST(
    a_bad_value_ends_with_2_and_names_variable_value_and_what_is_accepted) {
  struct row {
    const char* variable;
    const char* value;
    const char* accepted;
  };
  for (const auto& each :
       {row{"STATUS_PING_INTERVAL", "soon", "duration"},
        row{"STATUS_PING_INTERVAL", "5", "duration"},
        row{"STATUS_MAX_MESSAGE_SIZE", "-1", "size"},
        row{"STATUS_LISTEN_ADDR", "nowhere", ":port"},
        row{"STATUS_REDIS_MAX_RETRIES", "many", "number"},
        row{"STATUS_HANGUP", "perhaps", "true or false"},
        row{"STATUS_LOG_LEVEL", "loud", "debug, info, warn or error"}}) {
    const std::vector<std::vector<std::string>> ways{{}, {"--check-config"}};
    for (const auto& arguments : ways) {
      const auto result = run_status2(arguments, {{each.variable, each.value}});
      CAF_CHECK_EQUAL(code(result), 2);
      const auto said = result.output + result.errors;
      CAF_CHECK(holds(said, each.variable));
      CAF_CHECK(holds(said, each.value));
      CAF_CHECK(holds(said, each.accepted));
    }
  }
}

CAF_TEST(a_bad_redis_url_is_named_without_what_may_be_a_password) {
  for (const char* url : {"redis://redis.example/x?password=url-secret-11",
                          "redis://:url-secret-11", "http://url-secret-11@h"}) {
    const auto result = run_status2({}, {{"STATUS_REDIS_URL", url}});
    CAF_CHECK_EQUAL(code(result), 2);
    const auto said = result.output + result.errors;
    CAF_CHECK(holds(said, "STATUS_REDIS_URL="));
    CAF_CHECK(holds(said, "://***: the "));
    CAF_CHECK(holds(said, "rediss://"));
    CAF_CHECK(!holds(said, "secret"));
  }
}

CAF_TEST(a_sound_configuration_passes_the_check) {
  CAF_CHECK_EQUAL(code(run_status2({"--check-config"})), 0);
  CAF_CHECK_EQUAL(
      code(run_status2({"--check-config", "--ping-interval", "1m30s"})), 0);
}

CAF_TEST(the_configuration_is_printed_without_secrets) {
  temporary_directory directory;
  const auto file = directory.write("password", "file-secret-11\n");
  const auto result = run_status2(
      {"--print-config"},
      {{"STATUS_REDIS_URL", "redis://bob:url-secret-12@redis.example:6380/3"},
       {"STATUS_REDIS_PASSWORD_FILE", file},
       {"REDIS_PASSWORD", "variable-secret-13"},
       {"REDIS_URL", "redis://:other-secret-14@elsewhere"},
       {"STATUS_PING_INTERVAL", "7s"}});
  CAF_CHECK_EQUAL(code(result), 0);
  const auto said = result.output + result.errors;
  for (auto* secret : {"file-secret-11", "url-secret-12", "variable-secret-13",
                       "other-secret-14"})
    CAF_CHECK(!holds(said, secret));
  CAF_CHECK(holds(said, "redis.example:6380"));
  CAF_CHECK(holds(said, "STATUS_PING_INTERVAL"));
  CAF_CHECK(holds(said, "7s"));
}

CAF_TEST(flags_override_the_environment) {
  const auto result = run_status2({"--print-config", "--ping-interval", "8s"},
                                  {{"STATUS_PING_INTERVAL", "7s"}});
  CAF_CHECK(holds(result.output, "8s"));
  CAF_CHECK(!holds(result.output, "7s"));
  redis_server redis;
  broker_process broker(redis, {.variables = {{"STATUS_PING_INTERVAL", "1h"}},
                                .arguments = {"--ping-interval=100ms"}});
  auto viewer = broker.view("run:flags");
  CAF_CHECK(viewer.next_ping());
}

CAF_TEST(version_and_help_are_told) {
  const auto version = run_status2({"--version"});
  CAF_CHECK_EQUAL(code(version), 0);
  CAF_CHECK(version.output.starts_with("status2 2."));
  const auto help = run_status2({"--help"});
  CAF_CHECK_EQUAL(code(help), 0);
  for (auto* word : {"STATUS_LISTEN_ADDR", "--redis-url", "STATUS_HANGUP",
                     "healthcheck", "watch", "publish", "--check-config"})
    CAF_CHECK(holds(help.output, word));
}

CAF_TEST(unknown_flags_and_words_end_with_2) {
  for (auto* argument : {"--no-such-flag", "dance"}) {
    const auto result = run_status2({argument});
    CAF_CHECK_EQUAL(code(result), 2);
    CAF_CHECK(holds(result.errors, argument));
  }
}

CAF_TEST(a_port_in_use_ends_with_1_and_is_named) {
  stage s;
  const auto address = "127.0.0.1:" + std::to_string(s.broker.port());
  auto variables = quick_settings(s.redis.url());
  variables["STATUS_LISTEN_ADDR"] = address;
  const auto second = run_status2({}, variables);
  CAF_CHECK_EQUAL(code(second), 1);
  CAF_CHECK(
      holds(second.output + second.errors, std::to_string(s.broker.port())));
  CAF_CHECK(holds(second.output + second.errors, "in use"));
  CAF_CHECK(s.view("run:first").live());
}

CAF_TEST(healthcheck_tells_whether_a_broker_serves) {
  stage s;
  const environment here{
      {"STATUS_LISTEN_ADDR", ":" + std::to_string(s.broker.port())}};
  CAF_CHECK_EQUAL(code(run_status2({"healthcheck"}, here)), 0);
  CAF_CHECK_EQUAL(s.broker.stop().value_or(-1), 0);
  const auto gone = run_status2({"healthcheck"}, here);
  CAF_CHECK_EQUAL(code(gone), 1);
  CAF_CHECK(!gone.errors.empty());
}

CAF_TEST(watch_prints_what_publish_says) {
  stage s(environment{{"STATUS_PING_INTERVAL", "50ms"},
                      {"STATUS_PONG_TIMEOUT", "1s"}});
  process watch(
      {.command = {status2_binary(), "watch",
                   "ws://127.0.0.1:" + std::to_string(s.broker.port()) +
                       "/run:watched"}});
  CAF_REQUIRE(eventually(
      patience, [&] { return s.redis.subscribers("run:watched") == 1; }));
  const environment redis{{"STATUS_REDIS_URL", s.redis.url()}};
  CAF_CHECK_EQUAL(
      code(run_status2({"publish", "run:watched", "a \"word\""}, redis)), 0);
  CAF_CHECK_EQUAL(code(run_status2({"publish", "run:watched", "-"}, redis,
                                   "from\nstandard input\n")),
                  0);
  CAF_CHECK_EQUAL(
      code(run_status2({"publish", "run:watched", "--", "-5 °C"}, redis)), 0);
  CAF_CHECK(eventually(patience, [&] { return watch.lines().size() >= 4; }));
  const std::vector<std::string> expected{"a \"word\"", "from",
                                          "standard input", "-5 °C"};
  CAF_CHECK_EQUAL(watch.lines(), expected);
  // Its pongs keep it alive well past the idle limit.
  CAF_CHECK(eventually(patience, [&] {
    return s.broker.metric("status2_pings_sent_total").value_or(0) > 40;
  }));
  CAF_CHECK_EQUAL(s.broker.logged("client closed by server").size(), 0u);
}

CAF_TEST(watch_connects_again_after_a_restart_of_the_broker) {
  redis_server redis;
  const auto port = free_port();
  auto broker =
      std::make_unique<broker_process>(redis, broker_options{.port = port});
  process watch(
      {.command = {status2_binary(), "watch",
                   "ws://127.0.0.1:" + std::to_string(port) + "/run:twice"}});
  const auto subscribed = [&] { return redis.subscribers("run:twice") == 1; };
  CAF_REQUIRE(eventually(patience, subscribed));
  CAF_CHECK_EQUAL(broker->stop().value_or(-1), 0);
  broker.reset();
  broker =
      std::make_unique<broker_process>(redis, broker_options{.port = port});
  CAF_REQUIRE(eventually(patience, subscribed));
  redis.publish("run:twice", "again");
  CAF_CHECK(eventually(patience, [&] { return watch.lines().size() == 1; }));
}

CAF_TEST(watch_goes_on_from_where_it_was_by_either_way) {
  for (const std::string way : {"--raw", "--sse"}) {
    chaos_stage s(environment{{"STATUS_TAIL_LINGER", "1h"}});
    auto other = s.view("/run:log?tail=0");
    CAF_REQUIRE(holds(other.next_message(), "resumed"));
    s.redis.publish("run:log", "before");
    CAF_REQUIRE(holds(other.next_message(), "before"));
    process watch(
        {.command = {status2_binary(), "watch", way, "--tail", "5", "--count",
                     "3",
                     "http://127.0.0.1:" + std::to_string(s.broker.port()) +
                         "/run:log"}});
    CAF_REQUIRE(s.broker.metric_becomes("status2_replays_complete_total", 2));
    // The newest session is that of the command.
    std::int64_t newest = 0;
    for (const auto& session : s.actors("session:"))
      newest = std::max(newest, std::stol(text_of(session, "actor").substr(8)));
    CAF_REQUIRE_EQUAL(s.kill("session:" + std::to_string(newest)), 200u);
    s.redis.publish("run:log", "meanwhile");
    s.redis.publish("run:log", "after");
    CAF_CHECK_EQUAL(watch.wait(patience).value_or(-1), 0);
    std::string all;
    for (const auto& line : watch.lines())
      if (line.find("resumed") == std::string::npos) all += line + '\n';
    for (const auto* text : {"before", "meanwhile", "after"}) {
      const auto at = all.find(text);
      CAF_CHECK(at != std::string::npos);
      CAF_CHECK(all.find(text, at + 1) == std::string::npos);
    }
  }
}

CAF_TEST(publish_says_when_redis_is_not_there) {
  const environment nowhere{
      {"STATUS_REDIS_URL",
       "redis://:hidden-15@127.0.0.1:" + std::to_string(free_port())}};
  const auto result = run_status2({"publish", "run:a", "text"}, nowhere);
  CAF_CHECK_EQUAL(code(result), 1);
  CAF_CHECK(!result.errors.empty());
  CAF_CHECK(!holds(result.errors, "hidden-15"));
}

CAF_TEST(a_channel_that_nobody_can_watch_is_not_published_to) {
  for (const auto* name : {"run", "run:", "run:a b", "run%3Aa",
                           "status2:canary", "__sentinel__:hello"}) {
    const auto result = run_status2({"publish", name, "text"}, {});
    CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 2);
    CAF_CHECK(result.errors.find("not a channel that can be watched") !=
              std::string::npos);
  }
}
