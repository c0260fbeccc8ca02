// Redis answers with errors: what serves must go on, what does not must be
// told.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/temporary_directory.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

redis_options with_lines(std::string lines) {
  return {.more = [lines = std::move(lines)] { return lines + "\n"; }};
}

redis_options with_user(const std::string& rules) {
  return {.users = {"bob on >pw ~* " + rules}};
}

std::string url_of(const redis_server& redis, const std::string& database,
                   const std::string& login = {}) {
  return "redis://" + login + "127.0.0.1:" + std::to_string(redis.port()) +
         "/" + database;
}

broker_options as_bob(const redis_server& redis, environment variables = {}) {
  variables["STATUS_REDIS_URL"] = url_of(redis, "2", "bob:pw@");
  return {.variables = std::move(variables)};
}

const environment quick_canary{{"STATUS_CANARY_INTERVAL", "500ms"},
                               {"STATUS_REDIS_REQUEST_TIMEOUT", "500ms"}};

bool ready_becomes(broker_process& broker, unsigned status,
                   std::string_view part = {}) {
  return eventually(patience, [&] {
    const auto answer = broker.get("/ready");
    return answer.status == status &&
           answer.body.find(part) != std::string::npos;
  });
}

/// Commands that Redis has answered with this error.
int refusals(redis_server& redis, const std::string& error) {
  const auto stats = redis.client().command({"INFO", "errorstats"}).text;
  const std::string label = "errorstat_" + error + ":count=";
  const auto at = stats.find(label);
  return at == std::string::npos ? 0
                                 : std::stoi(stats.substr(at + label.size()));
}

/// Messages that Redis accepts for a viewer, who must get them all in order.
class accepted_messages {
 public:
  accepted_messages(broker_process& broker, std::string channel)
      : channel_(std::move(channel)), viewer_(broker.view(channel_)) {
    CAF_REQUIRE(viewer_.live());
  }
  /// Returns whether Redis accepted one more message.
  bool publish(redis_server& redis) {
    const auto text = std::to_string(accepted_);
    const auto reply = redis.client().command({"PUBLISH", channel_, text});
    if (reply.error) return false;
    ++accepted_;
    return true;
  }
  void check() {
    for (; seen_ < accepted_; ++seen_)
      CAF_REQUIRE_EQUAL(viewer_.next_message(),
                        status_text(std::to_string(seen_)));
  }

 private:
  const std::string channel_;
  viewer viewer_;
  int accepted_ = 0;
  int seen_ = 0;
};

/// Publishes until Redis has refused liveness checks of the broker with this
/// error.
void publish_until_refused(redis_server& redis, accepted_messages& messages,
                           const std::string& error) {
  const auto before = refusals(redis, error);
  CAF_CHECK(eventually(patience, [&] {
    CAF_CHECK(messages.publish(redis));
    return refusals(redis, error) >= before + 4;
  }));
  messages.check();
}

void check_undisturbed(broker_process& broker) {
  CAF_CHECK_EQUAL(broker.value("status2_redis_reconnects_total"), 0.0);
  CAF_CHECK_EQUAL(broker.logged("redis stream interrupted").size(), 0u);
  CAF_CHECK_EQUAL(broker.get("/ready").status, 200u);
}

/// A broker that starts beside a Redis of this kind serves.
void check_serves(redis_server& redis, broker_options options) {
  broker_process broker(redis, std::move(options));
  accepted_messages messages(broker, "run:served");
  for (int i = 0; i < 20; ++i)
    CAF_CHECK(messages.publish(redis));
  messages.check();
  check_undisturbed(broker);
}

/// Saving fails from now on, and Redis refuses to write.
void break_saving(redis_server& redis, const std::string& directory) {
  std::filesystem::remove_all(directory);
  CAF_REQUIRE(!redis.client().command({"BGSAVE"}).error);
  CAF_REQUIRE(eventually(patience, [&] {
    const auto reply = redis.client().command({"SET", "key", "value"});
    return reply.error && reply.text.starts_with("MISCONF");
  }));
}

redis_options that_saves_to(const std::string& directory) {
  std::filesystem::create_directory(directory);
  return with_lines("save 3600 1000000\nstop-writes-on-bgsave-error yes\ndir " +
                    directory);
}

}  // namespace

CAF_TEST(a_redis_without_subscribe_is_surfaced) {
  redis_server redis(with_lines(R"(rename-command SUBSCRIBE "")"));
  // The canary's channel is wanted from the start.
  broker_process broker(redis,
                        {.variables = {{"STATUS_CANARY_INTERVAL", "10s"},
                                       {"STATUS_REDIS_MAX_RETRIES", "3"},
                                       {"STATUS_REDIS_RETRY_BASE", "100ms"},
                                       {"STATUS_REDIS_RETRY_MAX", "10s"}}});
  auto viewer = broker.view("run:nowhere");
  viewer.init();
  CAF_CHECK(ready_becomes(broker, 503));
  CAF_CHECK_LESS_OR_EQUAL(3.0,
                          broker.value("status2_redis_connect_failures_total"));
  CAF_CHECK_EQUAL(broker.value("status2_redis_up"), 0.0);
  CAF_CHECK(broker.logs("redis unavailable"));
  CAF_CHECK_EQUAL(broker.logged("redis subscribe established").size(), 0u);
  std::int64_t attempt = 0;
  for (const auto& line : broker.logged("redis subscribe failed")) {
    CAF_CHECK(text_of(line, "error").find("unknown command") !=
              std::string::npos);
    if (line.contains("channel")) continue;  // not an attempt
    CAF_CHECK_LESS(std::exchange(attempt, line.at("attempt").as_int64()),
                   line.at("attempt").as_int64());
  }
  CAF_CHECK_LESS_OR_EQUAL(3, attempt);
}

CAF_TEST(a_user_who_may_use_no_channel_is_surfaced) {
  redis_server redis(with_user("resetchannels +@all"));
  broker_process broker(redis, as_bob(redis, quick_canary));
  auto viewer = broker.view("run:forbidden");
  viewer.init();
  CAF_CHECK(ready_becomes(broker, 503));
  CAF_CHECK(eventually(patience, [&] {
    return broker.value("status2_redis_channels_refused") > 0;
  }));
  CAF_CHECK(broker.logs("redis subscribe failed"));
  CAF_CHECK_EQUAL(broker.logged("redis subscribe established").size(), 0u);
  // The right is given back, and nobody had to do more.
  redis.client().command({"ACL", "SETUSER", "bob", "&*"});
  CAF_CHECK(viewer.next_ping());
  CAF_CHECK(ready_becomes(broker, 200));
  CAF_CHECK(broker.metric_becomes("status2_redis_channels_refused", 0));
}

CAF_TEST(a_redis_that_cannot_save_goes_on_delivering) {
  const temporary_directory directory;
  const auto data = directory.path() + "/data";
  redis_server redis(that_saves_to(data));
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_REQUEST_TIMEOUT", "300ms"}}});
  accepted_messages messages(broker, "run:misconf");
  CAF_CHECK(messages.publish(redis));
  break_saving(redis, data);
  CAF_CHECK(redis.client().command({"PING"}).error);
  publish_until_refused(redis, messages, "MISCONF");
  check_undisturbed(broker);
  CAF_CHECK_EQUAL(redis.pubsub_clients(), 1u);
}

CAF_TEST(a_redis_that_cannot_save_is_connected_to) {
  const temporary_directory directory;
  const auto data = directory.path() + "/data";
  redis_server redis(that_saves_to(data));
  break_saving(redis, data);
  check_serves(redis, {});
}

CAF_TEST(a_redis_busy_with_a_script_costs_no_message_that_it_accepted) {
  redis_server redis(with_lines("lua-time-limit 100"));
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_REQUEST_TIMEOUT", "300ms"},
                            {"STATUS_REDIS_RETRY_BASE", "50ms"},
                            {"STATUS_REDIS_RETRY_MAX", "100ms"}}});
  accepted_messages messages(broker, "run:busy");
  CAF_CHECK(messages.publish(redis));
  const std::jthread script([port = redis.port()] {
    try {
      redis_client(port).command({"EVAL", "while true do end", "0"});
    } catch (const std::runtime_error&) {
      // Redis did not end it in time; the checks say so.
    }
  });
  CAF_CHECK(eventually(patience, [&] { return !messages.publish(redis); }));
  const auto end = std::chrono::steady_clock::now() + 3s;
  while (std::chrono::steady_clock::now() < end)
    messages.publish(redis);
  CAF_CHECK(eventually(patience, [&] {
    redis.client().command({"SCRIPT", "KILL"});
    return messages.publish(redis);
  }));
  for (int i = 0; i < 100; ++i)
    CAF_CHECK(messages.publish(redis));
  messages.check();
  check_undisturbed(broker);
}

CAF_TEST(a_stale_replica_serves) {
  redis_server redis;
  redis.config_set("replica-serve-stale-data", "no");
  CAF_REQUIRE(!redis.client().command({"REPLICAOF", "127.0.0.1", "1"}).error);
  CAF_REQUIRE(redis.client().command({"PING"}).text.starts_with("MASTERDOWN"));
  check_serves(redis, {});
}

CAF_TEST(a_link_to_a_replica_that_becomes_stale_stays) {
  redis_server redis;
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_REQUEST_TIMEOUT", "300ms"}}});
  accepted_messages messages(broker, "run:stale");
  redis.config_set("replica-serve-stale-data", "no");
  CAF_REQUIRE(!redis.client().command({"REPLICAOF", "127.0.0.1", "1"}).error);
  publish_until_refused(redis, messages, "MASTERDOWN");
  check_undisturbed(broker);
}

CAF_TEST(a_user_who_may_not_ping_or_select_is_served) {
  redis_server redis(with_user("&* +@all -ping -select -client|setname"));
  check_serves(redis, as_bob(redis, quick_canary));
}

CAF_TEST(a_link_of_a_user_who_loses_the_right_to_ping_stays) {
  redis_server redis(with_user("&* +@all"));
  broker_process broker(
      redis, as_bob(redis, {{"STATUS_REDIS_REQUEST_TIMEOUT", "300ms"}}));
  accepted_messages messages(broker, "run:ping");
  redis.client().command({"ACL", "SETUSER", "bob", "-ping"});
  publish_until_refused(redis, messages, "NOPERM");
  check_undisturbed(broker);
}

CAF_TEST(a_cluster_that_refuses_select_is_served) {
  redis_server redis(with_lines("cluster-enabled yes"));
  CAF_REQUIRE(redis.client().command({"SELECT", "2"}).error);
  check_serves(redis, {});
}

CAF_TEST(a_sentinel_in_the_place_of_redis_is_found_by_the_canary) {
  redis_server sentinel({.sentinel = true});
  auto variables = quick_canary;
  variables["STATUS_REDIS_URL"] = url_of(sentinel, "0");
  broker_process broker(sentinel, {.variables = std::move(variables)});
  CAF_CHECK(ready_becomes(broker, 503, R"("delivery":"late")"));
  CAF_CHECK_LESS(0.0, broker.value("status2_canary_failures_total"));
  CAF_CHECK(broker.logs("canary late"));
}

CAF_TEST(a_redis_without_publish_is_found_by_the_canary) {
  redis_server redis(with_lines(R"(rename-command PUBLISH "")"));
  broker_process broker(redis, {.variables = quick_canary});
  CAF_CHECK(ready_becomes(broker, 503, R"("delivery":"late")"));
  CAF_CHECK(broker.logs("canary late"));
}

CAF_TEST(a_user_who_may_not_publish_has_no_canary) {
  redis_server redis(with_user("&* +@all -publish"));
  broker_process broker(redis, as_bob(redis, quick_canary));
  CAF_REQUIRE(broker.logs("canary refused"));
  // It is tried several times more and never judged.
  CAF_CHECK(
      eventually(patience, [&] { return refusals(redis, "NOPERM") >= 4; }));
  CAF_CHECK_EQUAL(broker.get("/ready").status, 200u);
  CAF_CHECK_EQUAL(broker.value("status2_canary_failures_total"), 0.0);
  CAF_CHECK_EQUAL(broker.logged("canary late").size(), 0u);
  auto viewer = broker.view("run:quiet");
  CAF_REQUIRE(viewer.live());
  redis.publish("run:quiet", "served");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("served"));
}
