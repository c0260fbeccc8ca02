// Passwords, users, permissions and other ways to reach Redis.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/temporary_directory.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

const std::string secret = "open-sesame-93";

std::string url_with(const std::string& login, const redis_server& redis) {
  return "redis://" + login + "127.0.0.1:" + std::to_string(redis.port()) +
         "/2";
}

/// The broker reaches a Redis that asks for `secret` this way.
void check_login(environment variables) {
  redis_server redis({.password = secret});
  variables.try_emplace("STATUS_REDIS_URL", redis.url());
  broker_process broker(redis, {.variables = std::move(variables)});
  auto viewer = broker.view("run:login");
  CAF_REQUIRE(viewer.live());
  redis.publish("run:login", "inside");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("inside"));
  CAF_CHECK(broker.child().errors().find(secret) == std::string::npos);
  for (const auto& line : broker.child().lines())
    CAF_CHECK(line.find(secret) == std::string::npos);
}

}  // namespace

CAF_TEST(the_password_comes_from_a_file_or_the_environment) {
  temporary_directory directory;
  const auto file = directory.write("secret", secret + "\n");
  check_login({{"STATUS_REDIS_PASSWORD_FILE", file}});
  check_login({{"REDIS_PASSWORD_FILE", file}});
  check_login({{"REDIS_PASSWORD", secret}});
}

CAF_TEST(the_password_or_a_user_comes_from_the_url) {
  redis_server redis(
      {.password = secret, .users = {"bob on >bobs-own-71 ~* &* +@all"}});
  for (const auto& login :
       {":" + secret + "@", "default:" + secret + "@",
        std::string("bob:bobs-own-71@"), std::string("bob:bobs%2Down%2D71@")}) {
    broker_process broker(
        redis, {.variables = {{"STATUS_REDIS_URL", url_with(login, redis)}}});
    CAF_CHECK(broker.view("run:url").live());
  }
}

CAF_TEST(a_unix_socket_serves_as_well) {
  redis_server redis({.unix_socket = true});
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_URL",
                             "unix://" + redis.unix_path() + "?db=2"}}});
  auto viewer = broker.view("run:unix");
  CAF_REQUIRE(viewer.live());
  redis.publish("run:unix", "near");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("near"));
}

CAF_TEST(host_and_port_stand_in_for_the_url) {
  redis_server redis;
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_URL", ""},
                            {"REDIS_HOST", "127.0.0.1"},
                            {"REDIS_PORT", std::to_string(redis.port())}}});
  CAF_CHECK(broker.view("run:host").live());
}

CAF_TEST(a_wrong_password_is_tried_until_it_is_right) {
  redis_server redis({.password = "something-else"});
  broker_process broker(
      redis, {.variables = {
                  {"STATUS_REDIS_URL", url_with(":" + secret + "@", redis)}}});
  auto viewer = broker.view("run:wrong");
  viewer.init();
  CAF_REQUIRE(broker.logs("redis subscribe failed", 3));
  const auto line = broker.logged("redis subscribe failed")[0];
  CAF_CHECK(text_of(line, "error").find("WRONGPASS") != std::string::npos);
  redis.config_set("requirepass", secret);
  CAF_CHECK(viewer.next_ping());
  redis.password(secret);
  redis.publish("run:wrong", "right");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("right"));
  for (const auto& each : broker.child().lines())
    CAF_CHECK(each.find(secret) == std::string::npos);
}

CAF_TEST(a_missing_password_is_logged_as_such) {
  redis_server redis({.password = secret});
  broker_process broker(redis);
  CAF_REQUIRE(broker.logs("redis subscribe failed"));
  const auto line = broker.logged("redis subscribe failed")[0];
  CAF_CHECK(text_of(line, "error").find("NOAUTH") != std::string::npos);
}

CAF_TEST(a_permission_revoked_in_flight_harms_no_other_channel) {
  redis_server redis({.users = {"bob on >pw &* ~* +@all"}});
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_URL", url_with("bob:pw@", redis)}}});
  auto allowed = broker.view("ok:a");
  auto revoked = broker.view("no:a");
  CAF_REQUIRE(allowed.live());
  CAF_REQUIRE(revoked.live());
  // Redis ends the connection of a user who may no longer hear a channel.
  redis.client().command({"ACL", "SETUSER", "bob", "resetchannels", "&ok:*"});
  CAF_REQUIRE(broker.logs("redis stream interrupted"));
  CAF_REQUIRE(
      eventually(patience, [&] { return redis.subscribers("ok:a") == 1; }));
  redis.publish("ok:a", "served");
  CAF_CHECK_EQUAL(allowed.next_message(), status_text("served"));
  CAF_CHECK(broker.logs("redis subscribe failed"));
  redis.client().command({"ACL", "SETUSER", "bob", "&no:*"});
  CAF_REQUIRE(
      eventually(patience, [&] { return redis.subscribers("no:a") == 1; }));
  redis.publish("no:a", "allowed again");
  CAF_CHECK_EQUAL(revoked.next_message(), status_text("allowed again"));
}

CAF_TEST(a_forbidden_channel_harms_no_other) {
  redis_server redis({.users = {"bob on >pw resetchannels &ok:* ~* +@all"}});
  broker_process broker(
      redis, {.variables = {{"STATUS_REDIS_URL", url_with("bob:pw@", redis)}}});
  auto allowed = broker.view("ok:a");
  CAF_REQUIRE(allowed.live());
  auto forbidden = broker.view("no:a");
  forbidden.init();
  CAF_REQUIRE(broker.logs("redis subscribe failed"));
  const auto line = broker.logged("redis subscribe failed")[0];
  CAF_CHECK(text_of(line, "error").find("NOPERM") != std::string::npos);
  auto other = broker.view("ok:b");
  CAF_CHECK(other.live());
  for (int i = 0; i < 20; ++i) {
    redis.publish("ok:a", std::to_string(i));
    CAF_CHECK_EQUAL(allowed.next_message(), status_text(std::to_string(i)));
  }
  CAF_CHECK_EQUAL(broker.logged("redis stream interrupted").size(), 0u);
  // Once it is allowed it becomes live by itself.
  redis.client().command({"ACL", "SETUSER", "bob", "&no:*"});
  CAF_CHECK(forbidden.next_ping());
  redis.publish("no:a", "allowed now");
  CAF_CHECK_EQUAL(forbidden.next_message(), status_text("allowed now"));
}

CAF_TEST(over_tls_all_that_has_come_is_read_together) {
  temporary_directory directory;
  const auto key = directory.path() + "/key.pem";
  const auto certificate = directory.path() + "/certificate.pem";
  process openssl({.command = {"openssl", "req", "-x509", "-newkey", "rsa:2048",
                               "-nodes", "-keyout", key, "-out", certificate,
                               "-days", "2", "-subj", "/CN=localhost",
                               "-addext", "subjectAltName=DNS:localhost"}});
  CAF_REQUIRE(openssl.wait(20s));
  redis_server redis;
  const auto port = std::to_string(free_port());
  redis.config_set("tls-cert-file", certificate);
  redis.config_set("tls-key-file", key);
  redis.config_set("tls-ca-cert-file", certificate);
  redis.config_set("tls-auth-clients", "no");
  redis.config_set("tls-port", port);
  broker_process broker(
      redis,
      {.variables = {{"STATUS_REDIS_URL", "rediss://localhost:" + port + "/2"},
                     {"STATUS_FANOUT_INTERVAL", "10ms"},
                     {"SSL_CERT_FILE", certificate}}});
  auto viewer = broker.view("run:tls");
  CAF_REQUIRE(viewer.live());
  // A record is one message here: a record a read would take 10 s.
  constexpr int messages = 1000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < messages; ++i)
    redis.publish("run:tls", std::to_string(i));
  for (int i = 0; i < messages; ++i)
    CAF_REQUIRE_EQUAL(viewer.next_message(), status_text(std::to_string(i)));
  CAF_CHECK(std::chrono::steady_clock::now() - start < 5s);
  CAF_CHECK_LESS(broker.value("status2_redis_reads_total"), messages / 2.0);
}
