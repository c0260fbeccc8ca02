// `status2 --check-config --probe`, and the rights that docs/operations.md
// says a user of Redis needs.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace status2::support;

namespace {

const std::string operations = "docs/operations.md";

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

outcome probe(const std::string& url) {
  return run_status2({"--check-config", "--probe"},
                     {{"STATUS_REDIS_URL", url}});
}

std::string host_of(const redis_server& redis) {
  return "127.0.0.1:" + std::to_string(redis.port());
}

std::string url_of(const redis_server& redis) {
  return "redis://status2:pw@" + host_of(redis) + "/2";
}

/// The lines of a document that start with `start`, without it.
std::vector<std::string> documented(const std::string& start) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread in this test
  const char* root = std::getenv("STATUS2_SOURCE");
  if (root == nullptr) throw std::runtime_error("STATUS2_SOURCE is not set");
  std::ifstream file(std::string(root) + "/" + operations);
  std::vector<std::string> found;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(start)) found.push_back(line.substr(start.size()));
  return found;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;)
    words.push_back(word == ">PASSWORD" ? ">pw" : word);
  return words;
}

/// The rules of the documented user.
std::vector<std::string> documented_rules() {
  const auto lines = documented("    ACL SETUSER status2 ");
  CAF_REQUIRE_EQUAL(lines.size(), 1u);
  return words_of(lines[0]);
}

void set_user(redis_server& redis, const std::vector<std::string>& rules) {
  std::vector<std::string> command{"ACL", "SETUSER", "status2", "reset"};
  command.insert(command.end(), rules.begin(), rules.end());
  const auto reply = redis.client().command(command);
  CAF_REQUIRE_EQUAL(reply.text, "OK");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

/// The rules that name a command, such as `+client|setname`.
std::vector<std::string> rights(const std::vector<std::string>& rules) {
  std::vector<std::string> found;
  for (const auto& rule : rules)
    if (rule.starts_with('+')) found.push_back(rule);
  return found;
}

}  // namespace

CAF_TEST(a_probe_tells_each_step) {
  redis_server redis;
  const auto result = probe(redis.url());
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 0);
  const auto lines = lines_of(result.output);
  CAF_REQUIRE_EQUAL(lines.size(), 10u);
  CAF_CHECK_EQUAL(lines[0], "configuration ok");
  CAF_CHECK_EQUAL(lines[1], "connect redis://" + host_of(redis) + "/2: ok");
  CAF_CHECK_EQUAL(lines[2], "login: ok");
  CAF_CHECK_EQUAL(lines[3], "select 2: ok");
  CAF_CHECK_EQUAL(lines[4], "client setname: ok");
  CAF_CHECK_EQUAL(lines[5], "ping: ok");
  CAF_CHECK(lines[6].starts_with("subscribe status2:canary."));
  CAF_CHECK(lines[6].ends_with(": ok"));
  CAF_CHECK_EQUAL(lines[7], "publish: ok");
  CAF_CHECK_EQUAL(lines[8], "received: ok");
  CAF_CHECK_EQUAL(lines[9], "unsubscribe: ok");
}

CAF_TEST(a_probe_names_the_step_that_fails) {
  const auto nowhere = "127.0.0.1:" + std::to_string(free_port());
  const auto absent = probe("redis://:hidden-16@" + nowhere);
  CAF_CHECK_EQUAL(absent.exit_code.value_or(-1), 1);
  CAF_CHECK(holds(absent.output, "connect redis://" + nowhere +
                                     "/0: failed: Connection refused\n"));
  redis_server redis({.password = "p"});
  const auto wrong = probe("redis://:hidden-16@" + host_of(redis));
  CAF_CHECK_EQUAL(wrong.exit_code.value_or(-1), 1);
  CAF_CHECK(holds(wrong.output, "/0: ok\nlogin: failed: WRONGPASS"));
  for (const auto& each : {absent, wrong})
    CAF_CHECK(!holds(each.output + each.errors, "hidden-16"));
}

CAF_TEST(a_probe_of_a_hung_redis_ends) {
  redis_server redis;
  redis.freeze();
  const auto result = probe(redis.url());
  redis.thaw();
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 1);
  CAF_CHECK(holds(result.output, "failed: no answer in time"));
}

CAF_TEST(a_probe_finds_a_sentinel_in_the_place_of_redis) {
  redis_server sentinel({.sentinel = true});
  const auto result = probe("redis://" + host_of(sentinel));
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 1);
  CAF_CHECK(holds(result.output, "publish: failed: ERR"));
}

CAF_TEST(a_bad_configuration_is_not_probed) {
  const auto result = probe("nowhere");
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 2);
  CAF_CHECK(!holds(result.output, "connect"));
}

CAF_TEST(the_documented_rights_suffice) {
  redis_server redis;
  set_user(redis, documented_rules());
  const auto tried = probe(url_of(redis));
  CAF_CHECK_EQUAL(tried.exit_code.value_or(-1), 0);
  CAF_CHECK(!holds(tried.output, "refused"));
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_URL", url_of(redis)},
                            {"STATUS_REDIS_REQUEST_TIMEOUT", "500ms"},
                            {"STATUS_CANARY_INTERVAL", "500ms"}}});
  {
    auto viewer = broker.view("run:allowed");
    CAF_REQUIRE(viewer.live());
    redis.publish("run:allowed", "inside");
    CAF_CHECK_EQUAL(viewer.next_message(), status_text("inside"));
  }
  // The channel is left when it has lingered.
  CAF_CHECK(eventually(patience,
                       [&] { return redis.subscribers("run:allowed") == 0; }));
  CAF_CHECK(eventually(patience, [&] {
    return broker.value("status2_canary_seconds_count") >= 2;
  }));
  CAF_CHECK(eventually(patience, [&] { return redis.calls("ping") >= 3; }));
  CAF_CHECK_EQUAL(broker.get("/ready").status, 200u);
  CAF_CHECK_EQUAL(broker.logged("canary refused").size(), 0u);
  CAF_CHECK_EQUAL(broker.logged("redis subscribe failed").size(), 0u);
  CAF_CHECK(
      !holds(redis.client().command({"INFO", "errorstats"}).text, "NOPERM"));
}

CAF_TEST(each_documented_right_is_needed_and_the_probe_names_it) {
  redis_server redis;
  const auto rules = documented_rules();
  const auto commands = rights(rules);
  CAF_CHECK_LESS_OR_EQUAL(6u, commands.size());
  for (const auto& right : commands) {
    auto rest = rules;
    rest.erase(std::find(rest.begin(), rest.end(), right));
    set_user(redis, rest);
    const auto result = probe(url_of(redis));
    CAF_MESSAGE(right << "\n" << result.output);
    CAF_CHECK(holds(result.output, "NOPERM"));
    CAF_CHECK(holds(result.output, "'" + right.substr(1) + "'"));
  }
  auto rest = rules;
  rest.emplace_back("resetchannels");
  set_user(redis, rest);
  const auto result = probe(url_of(redis));
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 1);
  CAF_CHECK(holds(result.output, ": failed: NOPERM"));
  CAF_CHECK(holds(result.output, "subscribe status2:canary."));
}

CAF_TEST(the_broker_does_without_select_and_setname_and_ping) {
  redis_server redis;
  auto rules = documented_rules();
  for (const std::string each : {"-select", "-client|setname", "-ping"})
    rules.push_back(each);
  set_user(redis, rules);
  const auto result = probe(url_of(redis));
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 0);
  CAF_CHECK(holds(result.output, "select 2: refused: NOPERM"));
  CAF_CHECK(holds(result.output, "client setname: refused: NOPERM"));
  CAF_CHECK(holds(result.output, "ping: refused: NOPERM"));
  CAF_CHECK(holds(result.output, "received: ok"));
}

CAF_TEST(the_rights_for_other_topologies_are_known_to_redis) {
  redis_server redis;
  std::size_t lines = 0;
  for (const auto& line : documented("- `+")) {
    ++lines;
    const auto rules = words_of("+" + line.substr(0, line.find('`')));
    set_user(redis, rules);
  }
  CAF_CHECK_EQUAL(lines, 3u);
}

CAF_TEST(patterns_in_place_of_every_channel_suffice) {
  redis_server redis;
  auto rules = documented_rules();
  std::replace(rules.begin(), rules.end(), std::string("&*"),
               std::string("&run-*"));
  rules.emplace_back("&status2:*");
  set_user(redis, rules);
  CAF_CHECK_EQUAL(probe(url_of(redis)).exit_code.value_or(-1), 0);
}
