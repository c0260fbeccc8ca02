// Everything at once: load, kills, Redis restarts, slow and hostile clients.
// `./dev storm [seconds]` runs it long, on the release binary.
#include "tests/support/chaos_stage.hpp"
#include "tests/support/crowd.hpp"
#include "tests/support/eventually.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t viewer_count = 100;
constexpr std::size_t megabyte = 1048576;

std::chrono::seconds storm_length() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread in this test yet
  const char* text = std::getenv("STATUS2_STORM_SECONDS");
  return std::chrono::seconds{text == nullptr ? 15 : std::atoi(text)};
}

/// Runs something at its interval.
class pacemaker {
 public:
  explicit pacemaker(std::chrono::milliseconds interval)
      : interval_(interval),
        due_(std::chrono::steady_clock::now() + interval) {}
  bool due() {
    if (std::chrono::steady_clock::now() < due_) return false;
    due_ += interval_;
    return true;
  }

 private:
  const std::chrono::milliseconds interval_;
  std::chrono::steady_clock::time_point due_;
};

/// Clients that do what no client should, a few at a time.
class hostile_clients {
 public:
  explicit hostile_clients(chaos_stage& stage) : stage_(stage) {}

  void one_more() {
    static const std::array<std::string, 5> first_words{
        "GET /storm:c0 HTTP/1.1\r\nHost: x\r\n",  // and no more
        "\x16\x03\x01\x02 no HTTP at all\r\n\r\n",
        "POST /chaos/kill HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        handshake + std::string("\xf1\x80\0\0\0\0", 6),  // reserved bits
        handshake + std::string(4000, '\x81')};
    tcp_client client(stage_.broker.port());
    client.send(first_words[count_++ % first_words.size()]);
    kept_.push_back(std::move(client));
    if (kept_.size() > 50) kept_.erase(kept_.begin());
  }
  /// One that subscribes to large messages and reads none.
  void one_that_does_not_read() {
    tcp_client client(stage_.broker.port());
    client.send("GET /storm:large HTTP/1.1\r\nHost: x\r\n" +
                std::string(upgrade_headers) + "\r\n");
    kept_.push_back(std::move(client));
  }
  void leave() { kept_.clear(); }
  std::size_t count() const { return count_; }

 private:
  inline static const std::string handshake =
      "GET /storm:c0 HTTP/1.1\r\nHost: x\r\n" + std::string(upgrade_headers) +
      "\r\n";
  chaos_stage& stage_;
  std::vector<tcp_client> kept_;
  std::size_t count_ = 0;
};

/// Kills random actors, never the supervisor.
class killer {
 public:
  explicit killer(chaos_stage& stage) : stage_(stage) {}

  void one_more() {
    if (kills_ % 50 == 0) {
      names_ = {"redis-link", "canary"};
      for (const auto* kind : {"subscriber:", "session:"})
        for (const auto& child : stage_.actors(kind))
          names_.push_back(text_of(child, "actor"));
    }
    stage_.kill(names_[random_() % names_.size()]);
    ++kills_;
  }
  std::size_t count() const { return kills_; }

 private:
  chaos_stage& stage_;
  std::minstd_rand random_{7};
  std::vector<std::string> names_;
  std::size_t kills_ = 0;
};

/// Publishes a large message for those who do not read, if Redis is there.
void publish_large(chaos_stage& stage) {
  static const std::string large(megabyte / 2, 'x');
  try {
    stage.redis.publish("storm:large", large);
  } catch (const std::exception&) {
    // Redis was just restarted; the next one will do.
  }
}

}  // namespace

CAF_TEST(a_storm_of_everything_ends_in_balance) {
  std::vector<std::string> channels;
  channels.reserve(10);
  for (int i = 0; i < 10; ++i)
    channels.push_back("storm:c" + std::to_string(i));
  chaos_stage s(environment{{"STATUS_CANARY_INTERVAL", "500ms"},
                            {"STATUS_HANDSHAKE_TIMEOUT", "2s"},
                            // Without heartbeats nobody has to answer.
                            {"STATUS_PONG_TIMEOUT", "1h"},
                            {"STATUS_LOG_LEVEL", "warn"}});
  crowd people({s.broker.port(), channels, viewer_count});
  CAF_REQUIRE(eventually(30s, [&] { return people.live() == viewer_count; }));
  numbered_producer producer(s.redis.port(), channels);
  for (int i = 0; i < 1000; ++i)
    producer.publish();
  CAF_CHECK(people.settles());
  const auto memory_before = s.broker.child().resident_bytes();

  killer kills(s);
  hostile_clients hostile(s);
  pacemaker kill_pace(100ms);
  pacemaker hostile_pace(50ms);
  pacemaker slow_pace(1s);
  pacemaker large_pace(20ms);
  pacemaker restart_pace(5s);
  std::size_t restarts = 0;
  const auto end = std::chrono::steady_clock::now() + storm_length();
  producer.publish_until(end, 200, [&] {
    if (kill_pace.due()) kills.one_more();
    if (hostile_pace.due()) hostile.one_more();
    if (slow_pace.due()) hostile.one_that_does_not_read();
    if (large_pace.due()) publish_large(s);
    if (restart_pace.due()) {
      s.redis.restart();
      ++restarts;
    }
  });
  hostile.leave();

  CAF_REQUIRE(s.broker.child().running());
  CAF_REQUIRE(eventually(60s, [&] { return people.live() == viewer_count; }));
  CAF_CHECK(
      s.broker.metric_becomes("status2_connections_active", viewer_count, 30s));
  CAF_CHECK(people.settles());
  CAF_CHECK_EQUAL(s.imbalance(), "");
  CAF_CHECK(
      eventually(30s, [&] { return s.broker.get("/ready").status == 200; }));
  // Freed memory comes back to the system in its own time.
  const auto slack =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
      768 * megabyte;  // the sanitizer keeps what was freed
#else
      32 * megabyte;
#endif
  CAF_CHECK(eventually(30s, [&] {
    return s.broker.child().resident_bytes() < memory_before + slack;
  }));
  const auto memory_after = s.broker.child().resident_bytes();
  const auto report = people.judge(producer.published());
  CAF_CHECK_EQUAL(report.duplicated, 0u);
  CAF_CHECK_EQUAL(report.reordered, 0u);
  CAF_CHECK_EQUAL(report.lost_untold, 0u);
  for (const auto& [code, count] : report.closes)
    CAF_CHECK_EQUAL(code, 1011u);  // killed, and nobody else
  std::cout << "storm: " << storm_length().count() << " s, published "
            << producer.count() << ", received " << report.received
            << ", lost and told " << report.lost_told << ", gap frames "
            << report.gaps << ", kills " << kills.count() << ", Redis restarts "
            << restarts << ", hostile clients " << hostile.count()
            << ", slow ones closed "
            << s.broker.value(
                   R"(status2_sessions_closed_total{reason="slow_consumer"})")
            << ", memory " << memory_before / megabyte << " -> "
            << memory_after / megabyte << " MB\n";
  CAF_CHECK(s.broker.stop() == 0);
}
