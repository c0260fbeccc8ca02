// Redis under Sentinel: the broker finds the master, and follows when another
// server becomes it.
#include "tests/support/eventually.hpp"
#include "tests/support/load_trial.hpp"
#include "tests/support/redis_sentinel_set.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> channels{"sn:a", "sn:b", "sn:c", "sn:d"};

/// A broker under load behind three sentinels.
struct watched {
  watched()
      : broker(set.url(),
               {.variables = {{"STATUS_REDIS_REQUEST_TIMEOUT", "500ms"}}}),
        load(
            broker,
            [this](const auto& channel, const auto& payload) {
              set.publish(channel, payload);
            },
            channels) {}

  /// The broker has subscribed to every channel at the master, which is
  /// another server than `before`.
  bool has_followed(std::uint16_t before) {
    const auto now = set.master_port();
    if (now == before || !set.has_master(now)) return false;
    auto& master = set.master();
    for (const auto& channel : channels)
      if (set.subscribers(master, channel) != 1) return false;
    return true;
  }

  /// Nobody reads from a server that is not the master.
  void check_that_only_the_master_is_used() {
    auto& replica = set.replica();
    CAF_CHECK(load.publish_until(
        [&] { return set.subscribers(replica, channels.front()) == 0; }));
  }

  redis_sentinel_set set;
  broker_process broker;
  load_trial load;
};

}  // namespace

CAF_TEST(a_killed_master_is_replaced_and_what_was_lost_is_told) {
  watched w;
  w.load.publish_for(1s);
  const auto before = w.set.master_port();
  auto& old = w.set.master();
  w.set.expect_failover();
  old.kill();
  CAF_REQUIRE(w.load.publish_until([&] { return w.has_followed(before); }));
  w.set.expect_none();
  old.start();
  CAF_CHECK(w.load.publish_until([&] { return w.set.complete(); }));
  w.check_that_only_the_master_is_used();
  CAF_CHECK(w.load.judge().gaps >= load_trial::viewer_count);
}

CAF_TEST(a_hung_master_is_left_and_never_heard_again) {
  watched w;
  w.load.publish_for(1s);
  const auto before = w.set.master_port();
  auto& old = w.set.master();
  w.set.expect_failover();
  old.freeze();
  // While its connections are still open.
  CAF_REQUIRE(w.load.publish_until([&] { return w.has_followed(before); }));
  w.set.expect_none();
  w.load.publish_for(1s);
  // It publishes late what it was sent while it hung, and takes itself for
  // the master until the sentinels have reached it.
  old.thaw();
  CAF_CHECK(w.load.publish_until([&] { return w.set.complete(); }));
  w.check_that_only_the_master_is_used();
  CAF_CHECK(w.load.judge().gaps >= load_trial::viewer_count);
}

CAF_TEST(a_planned_failover_is_followed_while_the_old_master_serves) {
  watched w;
  w.load.publish_for(1s);
  const auto before = w.set.master_port();
  w.set.fail_over();
  CAF_REQUIRE(w.load.publish_until([&] { return w.has_followed(before); }));
  w.set.expect_none();
  CAF_CHECK(w.load.publish_until([&] { return w.set.complete(); }));
  w.check_that_only_the_master_is_used();
  CAF_CHECK(w.load.judge().gaps >= load_trial::viewer_count);
}

CAF_TEST(without_the_first_sentinel_the_others_are_asked) {
  watched w;
  w.load.publish_for(500ms);
  const auto before = w.set.master_port();
  auto& old = w.set.master();
  w.set.sentinel(0).kill();
  w.set.expect_failover();
  old.kill();
  CAF_REQUIRE(w.load.publish_until([&] { return w.has_followed(before); }));
  w.set.expect_none();
  // One that starts now does not find the first sentinel either.
  broker_process late(w.set.url());
  CAF_CHECK(late.view(channels.front()).live());
  old.start();
  w.set.start_sentinel(0);
  CAF_CHECK(w.load.publish_until([&] { return w.set.complete(); }));
  CAF_CHECK(w.load.judge().gaps >= load_trial::viewer_count);
}

CAF_TEST(sentinels_have_a_password_of_their_own) {
  const std::string inner = "inner-door-51";
  const std::string outer = "outer-door-72";
  redis_sentinel_set set({.password = inner, .sentinel_password = outer});
  temporary_directory directory;
  const auto secret_of = [&](const std::string& name, const std::string& text) {
    return directory.write(name, text + "\n");
  };
  const auto broker_with = [&](const std::string& sentinel_secret) {
    environment variables{
        {"STATUS_REDIS_PASSWORD_FILE", secret_of("inner", inner)}};
    if (!sentinel_secret.empty())
      variables["STATUS_REDIS_SENTINEL_PASSWORD_FILE"] =
          secret_of("outer", sentinel_secret);
    return broker_options{.variables = std::move(variables)};
  };
  const auto check_failure = [](broker_process& broker,
                                const std::string& reason) {
    CAF_REQUIRE(broker.logs("redis subscribe failed", 2));
    const auto line = broker.logged("redis subscribe failed")[0];
    CAF_CHECK(text_of(line, "error").find(reason) != std::string::npos);
  };
  {
    broker_process broker(set.url(), broker_with(""));
    check_failure(broker, "NOAUTH");
  }
  broker_process wrong(set.url(), broker_with("guessed-at-33"));
  check_failure(wrong, "WRONGPASS");
  broker_process right(set.url(), broker_with(outer));
  auto viewer = right.view("sn:login");
  CAF_REQUIRE(viewer.live());
  set.publish("sn:login", "inside");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("inside"));
  for (auto* broker : {&wrong, &right})
    for (const auto& line : broker->child().lines())
      for (const auto& secret : {inner, outer, std::string("guessed-at-33")})
        CAF_CHECK(line.find(secret) == std::string::npos);
}
