#include "redis/connection.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/redis_double.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;
using status2::support::eventually;
using status2::support::redis_double;

namespace {

using clock_type = std::chrono::steady_clock;

constexpr auto interval = 200ms;

struct journal {
  bool open = false;
  bool closed = false;
  std::vector<std::string> payloads;
  std::vector<std::size_t> reads;  ///< how many messages each brought
  std::vector<clock_type::time_point> times;
};

class recorder final : public connection_events {
 public:
  explicit recorder(journal& to) : to_(to) {}
  void on_open() override { to_.open = true; }
  void on_read(reply_batch&& batch) override {
    to_.times.push_back(clock_type::now());
    to_.reads.push_back(batch.replies.size());
    for (const auto& reply : batch.replies)
      to_.payloads.emplace_back(batch.payload(reply));
  }
  void on_closed(const std::string&, failure_kind) override {
    to_.closed = true;
  }

 private:
  journal& to_;
};

std::string message(const std::string& payload) {
  return encode_command({"message", "a", payload});
}

struct fixture {
  fixture() {
    settings.url =
        *parse_url("redis://127.0.0.1:" + std::to_string(redis.port()) + "/0");
    settings.read_interval = interval;
    settings.fault = fault;
  }
  ~fixture() {
    if (link) link->close();
    loop.run_for(10ms);
  }
  void open() {
    link = open_connection(loop, settings, std::make_unique<recorder>(seen));
    CAF_REQUIRE(runs_until([&] { return seen.open; }));
  }
  template <class Condition>
  bool runs_until(Condition condition) {
    return eventually(10s, [&] {
      loop.restart();
      loop.run_for(1ms);
      return condition();
    });
  }
  bool has(std::size_t messages) {
    return runs_until([&] { return seen.payloads.size() >= messages; });
  }
  /// Right behind a read, so that what is said now meets the pause.
  void open_and_read_one() {
    open();
    redis.say(message("first"));
    CAF_REQUIRE(has(1));
  }

  redis_double redis;
  boost::asio::io_context loop;
  connection_settings settings;
  std::shared_ptr<upstream_fault> fault = std::make_shared<upstream_fault>();
  journal seen;
  std::shared_ptr<connection> link;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(connection_tests, fixture)

CAF_TEST(what_comes_in_a_pause_is_read_together_when_it_is_over) {
  open_and_read_one();
  redis.say(message("b"));
  redis.say(message("c"));
  CAF_REQUIRE(has(3));
  CAF_CHECK_EQUAL(seen.reads, (std::vector<std::size_t>{1, 2}));
  CAF_CHECK(seen.times[1] - seen.times[0] >= interval - 10ms);
  CAF_CHECK_EQUAL(seen.payloads, (std::vector<std::string>{"first", "b", "c"}));
}

CAF_TEST(after_reads_back_to_back_a_late_message_arrives) {
  settings.read_interval = 5ms;
  open_and_read_one();
  for (std::size_t n = 2; n <= 20; ++n) {
    redis.say(message(std::to_string(n)));
    CAF_REQUIRE(has(n));
  }
  loop.restart();
  loop.run_for(50ms);  // quiet
  redis.say(message("late"));
  CAF_REQUIRE(has(21));
  CAF_CHECK_EQUAL(seen.payloads.back(), "late");
}

CAF_TEST(the_end_of_the_stream_is_told_after_what_came_before_it) {
  open_and_read_one();
  redis.say(message("last"));
  redis.drop();
  CAF_REQUIRE(runs_until([&] { return seen.closed; }));
  CAF_CHECK_EQUAL(seen.payloads, (std::vector<std::string>{"first", "last"}));
}

CAF_TEST(what_is_closed_in_a_pause_says_nothing_more) {
  open_and_read_one();
  redis.say(message("never"));
  link->close();
  loop.restart();
  loop.run_for(2 * interval);
  CAF_CHECK_EQUAL(seen.payloads.size(), 1u);
  CAF_CHECK(!seen.closed);
}

CAF_TEST(an_injected_delay_is_kept_beside_the_pace) {
  settings.read_interval = 5ms;
  open_and_read_one();
  const auto start = clock_type::now();
  *fault = {upstream_fault::kind::delay, 100ms, start + 1h};
  redis.say(message("late"));
  CAF_REQUIRE(has(2));
  CAF_CHECK(seen.times.back() - start >= 100ms);
}

CAF_TEST(a_message_larger_than_a_read_arrives_whole) {
  open();
  const std::string large(1048576, 'x');
  redis.say(message(large));
  CAF_REQUIRE(has(1));
  CAF_CHECK(seen.payloads.front() == large);
}

CAF_TEST_FIXTURE_SCOPE_END()
