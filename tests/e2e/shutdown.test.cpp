// How the broker ends.
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/upgrade.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr std::uint8_t close_frame = 0x88;

/// A broker in a long drain whose log goes to a pipe that is full.
struct stuck_log {
  stuck_log()
      : path(directory.path() + "/log"),
        reader(open_pipe(path)),
        broker(redis,
               {.variables = {{"STATUS_DRAIN_WINDOW", "1h"}}, .output = path}) {
    for (int i = 0; i < 50; ++i)
      broker.view("run:stuck");
    viewers = live_viewers(broker, "run:stuck", 3);
    broker.child().signal(SIGTERM);
    CAF_REQUIRE(eventually(patience,
                           [&] { return broker.get("/ready").status == 503; }));
  }
  static int open_pipe(const std::string& path) {
    CAF_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    ::fcntl(fd, F_SETPIPE_SZ, 4096);
    return fd;
  }
  /// All that is written until its end.
  std::string read() const {
    std::string text;
    eventually(patience, [&] {
      std::array<char, 4096> bytes{};
      ssize_t count = 0;
      while ((count = ::read(reader.value(), bytes.data(), bytes.size())) > 0)
        text.append(bytes.data(), static_cast<std::size_t>(count));
      return count == 0;
    });
    return text;
  }

  temporary_directory directory;
  std::string path;
  status2::transport::unique_fd reader;
  redis_server redis;
  broker_process broker;
  std::vector<viewer> viewers;
};

}  // namespace

CAF_TEST(sigterm_closes_every_client_with_1001_and_ends_with_0) {
  stage s;
  auto viewers = live_viewers(s.broker, "run:term", 50);
  s.broker.child().signal(SIGTERM);
  for (auto& viewer : viewers) {
    const auto frame = viewer.next();
    CAF_REQUIRE(frame);
    CAF_CHECK(frame->what == server_frame::kind::close);
    CAF_CHECK_EQUAL(frame->code, 1001);
    viewer.send_frame(close_frame, std::string("\x03\xe9", 2));
  }
  const auto start = steady_clock::now();
  CAF_CHECK_EQUAL(s.broker.child().wait(patience).value_or(-1), 0);
  CAF_CHECK(steady_clock::now() - start < 4s);
  const auto signal = s.broker.logged("shutdown signal received");
  CAF_REQUIRE_EQUAL(signal.size(), 1u);
  CAF_CHECK_EQUAL(text_of(signal[0], "level"), "INFO");
  for (auto& viewer : viewers)
    CAF_CHECK(viewer.ended());
}

CAF_TEST(without_clients_it_ends_at_once) {
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) {
    stage s;
    const auto start = steady_clock::now();
    s.broker.child().signal(signal);
    CAF_CHECK_EQUAL(s.broker.child().wait(patience).value_or(-1), 0);
    CAF_CHECK(steady_clock::now() - start < 4s);
    CAF_CHECK_EQUAL(s.broker.logged("shutdown signal received").size(), 1u);
  }
}

CAF_TEST(a_client_that_does_not_answer_the_close_is_not_waited_for_long) {
  stage s;
  auto silent = s.view("run:rude");
  auto polite = s.view("run:rude");
  CAF_REQUIRE(silent.live());
  CAF_REQUIRE(polite.live());
  const auto start = steady_clock::now();
  s.broker.child().signal(SIGTERM);
  CAF_CHECK_EQUAL(polite.close_code(), 1001);
  polite.send_frame(close_frame, std::string("\x03\xe9", 2));
  CAF_CHECK_EQUAL(s.broker.child().wait(patience).value_or(-1), 0);
  CAF_CHECK(steady_clock::now() - start < 8s);
  CAF_CHECK_EQUAL(silent.close_code(), 1001);
}

CAF_TEST(hangup_precedes_the_close_with_1000_where_it_is_switched_on) {
  stage s(environment{{"STATUS_HANGUP", "true"}});
  auto viewers = live_viewers(s.broker, "run:hangup", 20);
  s.broker.child().signal(SIGTERM);
  for (auto& viewer : viewers) {
    CAF_CHECK_EQUAL(viewer.next_message(), R"({"type":"hangup"})");
    const auto frame = viewer.next();
    CAF_REQUIRE(frame);
    CAF_CHECK_EQUAL(frame->code, 1000);
    viewer.send_frame(close_frame, std::string("\x03\xe8", 2));
  }
  CAF_CHECK_EQUAL(s.broker.child().wait(patience).value_or(-1), 0);
}

CAF_TEST(it_ends_as_well_while_redis_is_away_or_hangs) {
  stage away;
  CAF_REQUIRE(away.view("run:away").live());
  away.redis.stop();
  CAF_REQUIRE(away.broker.logs("redis subscribe failed"));
  CAF_CHECK_EQUAL(away.broker.stop().value_or(-1), 0);
  stage hung;
  CAF_REQUIRE(hung.view("run:hung").live());
  hung.redis.freeze();
  CAF_CHECK_EQUAL(hung.broker.stop().value_or(-1), 0);
}

CAF_TEST(a_request_half_sent_does_not_hold_it_up) {
  stage s;
  tcp_client half(s.broker.port());
  half.send("GET /run:half HTTP/1.1\r\nHost:");
  CAF_CHECK_EQUAL(s.broker.get("/health").status, 200u);
  const auto start = steady_clock::now();
  CAF_CHECK_EQUAL(s.broker.stop().value_or(-1), 0);
  CAF_CHECK(steady_clock::now() - start < 4s);
}

CAF_TEST(a_second_signal_ends_it_without_waiting) {
  stage s;
  auto silent = s.view("run:twice");
  CAF_REQUIRE(silent.live());
  s.broker.child().signal(SIGTERM);
  CAF_REQUIRE_EQUAL(silent.close_code(), 1001);
  const auto start = steady_clock::now();
  s.broker.child().signal(SIGTERM);
  CAF_CHECK(s.broker.child().wait(patience).has_value());
  CAF_CHECK(steady_clock::now() - start < 3s);
}

CAF_TEST(a_second_signal_ends_it_when_the_log_is_written) {
  stuck_log s;
  s.broker.child().signal(SIGTERM);
  const auto log = s.read();
  CAF_CHECK_EQUAL(s.broker.child().wait(patience).value_or(-1), 128 + SIGTERM);
  const auto first = log.find("shutdown signal received");
  CAF_REQUIRE(first != std::string::npos);
  CAF_CHECK(log.find("shutdown signal received", first + 1) !=
            std::string::npos);
}

CAF_TEST(a_log_that_nobody_reads_does_not_hold_up_the_end) {
  stuck_log s;
  s.broker.child().signal(SIGTERM);
  CAF_CHECK_EQUAL(s.broker.child().wait(8s).value_or(-1), 128 + SIGTERM);
}

CAF_TEST(signals_of_other_programs_do_no_harm) {
  stage s;
  auto viewer = s.view("run:signals");
  CAF_REQUIRE(viewer.live());
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE})
    s.broker.child().signal(signal);
  s.redis.publish("run:signals", "still here");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("still here"));
  CAF_CHECK(s.broker.stop() == 0);
}
