// Redis hangs: it answers to nobody and does later what it was told. Nothing
// may be lost, only late, and nothing may come twice.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

const environment watchful{{"STATUS_REDIS_REQUEST_TIMEOUT", "300ms"},
                           {"STATUS_REDIS_RETRY_BASE", "50ms"},
                           {"STATUS_REDIS_RETRY_MAX", "100ms"}};

/// Publishes numbered messages and checks that they come once, in order.
class sequence {
 public:
  sequence(stage& s, std::string channel)
      : stage_(s), channel_(std::move(channel)), viewer_(s.view(channel_)) {
    CAF_REQUIRE(viewer_.live());
  }

  void publish(int count) {
    for (int i = 0; i < count; ++i)
      stage_.redis.client().post(channel_, std::to_string(published_++));
  }

  void check() {
    for (; seen_ < published_; ++seen_)
      CAF_REQUIRE_EQUAL(viewer_.next_message(),
                        status_text(std::to_string(seen_)));
  }

 private:
  stage& stage_;
  std::string channel_;
  viewer viewer_;
  int published_ = 0;
  int seen_ = 0;
};

}  // namespace

CAF_TEST(a_short_hang_loses_nothing) {
  stage s(watchful);
  sequence messages(s, "run:short");
  s.redis.freeze();
  messages.publish(100);
  CAF_CHECK(s.broker.logs("redis link silent"));
  messages.publish(100);
  s.redis.thaw();
  messages.publish(100);
  messages.check();
}

CAF_TEST(a_long_hang_loses_nothing_and_closes_nobody) {
  stage s(watchful);
  sequence messages(s, "run:long");
  auto other = s.view("run:quiet");
  CAF_REQUIRE(other.live());
  s.redis.freeze();
  // The second link's attempts fail one after the other.
  const auto failed = [&] {
    messages.publish(1);
    return s.broker.metric("status2_redis_connect_failures_total")
               .value_or(0) >= 5;
  };
  CAF_CHECK(eventually(patience, failed));
  s.redis.thaw();
  // Messages go on while the broker makes up its mind which link to keep.
  CAF_CHECK(eventually(patience, [&] {
    messages.publish(1);
    return s.redis.pubsub_clients() == 1 &&
           s.redis.subscribers("run:long") == 1;
  }));
  messages.publish(100);
  messages.check();
  CAF_CHECK_EQUAL(s.redis.publish("run:quiet", "heard"), 1);
  CAF_CHECK_EQUAL(other.next_message(), status_text("heard"));
}

CAF_TEST(hangs_one_after_the_other_lose_nothing) {
  stage s(watchful);
  sequence messages(s, "run:series");
  for (std::size_t round = 1; round <= 5; ++round) {
    s.redis.freeze();
    messages.publish(20);
    CAF_CHECK(s.broker.logs("redis link silent", round));
    s.redis.thaw();
    messages.publish(20);
    messages.check();
    CAF_CHECK(eventually(patience, [&] {
      messages.publish(1);
      return s.redis.pubsub_clients() == 1;
    }));
  }
  messages.check();
}

CAF_TEST(a_hang_that_ends_in_death_is_recovered_from) {
  stage s(watchful);
  auto viewer = s.view("run:dead");
  CAF_REQUIRE(viewer.live());
  s.redis.freeze();
  CAF_CHECK(s.broker.logs("redis link silent"));
  s.redis.kill();
  s.redis.start();
  CAF_CHECK(viewer.live());
  s.redis.publish("run:dead", "alive");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("alive"));
}

CAF_TEST(a_silent_channel_is_no_fault) {
  stage s(watchful);
  auto viewer = s.view("run:calm");
  CAF_REQUIRE(viewer.live());
  // Several liveness checks pass.
  CAF_CHECK(eventually(patience, [&] { return s.redis.calls("ping") >= 5; }));
  CAF_CHECK_EQUAL(s.broker.logged("redis link silent").size(), 0u);
  CAF_CHECK_EQUAL(s.broker.logged("redis stream interrupted").size(), 0u);
  s.redis.publish("run:calm", "same link");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("same link"));
}
