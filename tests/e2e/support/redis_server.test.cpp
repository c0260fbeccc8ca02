// The tests' own tools: Redis and its faults.
#include "tests/support/redis_server.hpp"

#include "tests/support/eventually.hpp"

#include <caf/test/unit_test.hpp>

#include <sys/stat.h>

using namespace status2::support;
using namespace std::chrono_literals;

CAF_TEST(subscribers_are_counted_and_killed) {
  redis_server redis;
  redis_client subscriber(redis.port());
  subscriber.command({"SUBSCRIBE", "run:a"});
  CAF_CHECK_EQUAL(redis.subscribers("run:a"), 1);
  CAF_CHECK_EQUAL(redis.subscribers("run:b"), 0);
  CAF_CHECK_EQUAL(redis.channel_count(), 1u);
  CAF_CHECK_EQUAL(redis.pubsub_clients(), 1u);
  CAF_CHECK_EQUAL(redis.publish("run:a", "x"), 1);
  CAF_CHECK_EQUAL(redis.calls("subscribe"), 1);
  CAF_CHECK_EQUAL(redis.calls("unsubscribe"), 0);
  CAF_CHECK_EQUAL(redis.kill_pubsub_clients(), 1);
  CAF_CHECK(eventually(5s, [&] { return redis.pubsub_clients() == 0; }));
}

CAF_TEST(it_comes_back_on_the_same_port) {
  redis_server redis;
  const auto port = redis.port();
  redis.client().command({"SET", "key", "value"});
  redis.restart();
  CAF_CHECK_EQUAL(redis.port(), port);
  CAF_CHECK_EQUAL(redis.client().command({"GET", "key"}).text, "");
  redis.kill();
  redis.start();
  CAF_CHECK_EQUAL(redis.client().command({"PING"}).text, "PONG");
}

CAF_TEST(a_frozen_one_does_later_what_it_was_told) {
  redis_server redis;
  auto& publisher = redis.client();
  redis_client subscriber(redis.port());
  subscriber.command({"SUBSCRIBE", "run:a"});
  redis.freeze();
  publisher.post("run:a", "late");
  redis.thaw();
  CAF_CHECK_EQUAL(publisher.command({"PING"}).text, "PONG");
  const auto pushed = subscriber.command({"PING"});
  CAF_REQUIRE_EQUAL(pushed.items.size(), 3u);
  CAF_CHECK_EQUAL(pushed.items[2].text, "late");
}

CAF_TEST(passwords_users_and_a_unix_socket_are_set_up) {
  redis_server redis({.password = "secret",
                      .users = {"bob on >pw resetchannels &run:* +@all"},
                      .unix_socket = true});
  CAF_CHECK_EQUAL(redis.client().command({"PING"}).text, "PONG");
  redis_client nobody(redis.port());
  CAF_CHECK(nobody.command({"PING"}).error);
  CAF_CHECK_EQUAL(nobody.command({"AUTH", "bob", "pw"}).text, "OK");
  struct stat file {};
  CAF_CHECK_EQUAL(::stat(redis.unix_path().c_str(), &file), 0);
  redis.config_set("requirepass", "other");
  redis.password("other");
  CAF_CHECK_EQUAL(redis.client().command({"PING"}).text, "PONG");
}
