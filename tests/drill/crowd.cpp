// status2_crowd: many viewers that check all they get, and their producer. For
// drills: it lives through every outage and judges at the end. Prints a JSON
// object a second and the verdict last. SIGUSR1 cuts every viewer's connection;
// SIGTERM and SIGINT end before the time is over.
#include "tests/support/crowd.hpp"

#include "tests/bench/process_sample.hpp"
#include "tests/bench/sockets.hpp"
#include "tests/drill/steady_producer.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using namespace status2;
using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds look_every{20};

struct options {
  support::crowd_options crowd{};
  std::string run = "drill";
  std::size_t channels = 1;
  std::string redis_url = "redis://127.0.0.1:6379/2";
  std::string password_file{};
  double rate = 10;
  double seconds = 20;
  std::uint64_t come_back_ms = 1500;
};

void declare_options(CLI::App& app, options& chosen) {
  app.add_option("--host", chosen.crowd.host, "of the broker, an address");
  app.add_option("--port", chosen.crowd.port, "of the broker")->required();
  app.add_option("--viewers", chosen.crowd.viewers, "WebSocket clients")
      ->required();
  app.add_option("--slow", chosen.crowd.slow, "of them stop reading");
  app.add_flag("--pairs", chosen.crowd.pairs, "two connections are one client");
  app.add_option("--come-back-ms", chosen.come_back_ms, "after a close");
  app.add_option("--run", chosen.run, "channels are run:c0, run:c1 and so on");
  app.add_option("--channels", chosen.channels, "channels they share")
      ->check(CLI::PositiveNumber);
  app.add_option("--redis-url", chosen.redis_url, "where to publish");
  app.add_option("--redis-password-file", chosen.password_file);
  app.add_option("--rate", chosen.rate, "messages a second over all channels")
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", chosen.seconds, "how long to publish")
      ->check(CLI::PositiveNumber);
}

redis::connection_settings redis_of(const options& chosen) {
  auto url = redis::parse_url(chosen.redis_url);
  if (!url)
    throw std::runtime_error("--redis-url: " + url.problem + "; accepted: " +
                             std::string(redis::accepted_urls));
  if (!chosen.password_file.empty()) {
    std::ifstream file(chosen.password_file);
    if (!std::getline(file, url->password))
      throw std::runtime_error("cannot read " + chosen.password_file);
  }
  return {.url = *url, .request_timeout = 2s};
}

json::object ms_of(const support::crowd_lateness& late) {
  const auto ms = [](std::chrono::nanoseconds value) {
    return std::chrono::duration<double, std::milli>(value).count();
  };
  return {{"count", late.count},
          {"p50", ms(late.p50)},
          {"p95", ms(late.p95)},
          {"p99", ms(late.p99)},
          {"max", ms(late.max)}};
}

double unix_seconds() {
  return std::chrono::duration<double>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// What signals ask for.
struct asked {
  static inline std::atomic<bool> drop{false};
  static inline std::atomic<bool> end{false};
};
static_assert(std::atomic<bool>::is_always_lock_free);

void take_signals() {
  struct sigaction action {};
  action.sa_handler = [](int number) {
    (number == SIGUSR1 ? asked::drop : asked::end) = true;
  };
  for (const int number : {SIGUSR1, SIGTERM, SIGINT})
    ::sigaction(number, &action, nullptr);
}

void pause_until(steady::time_point when) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      when - steady::now());
  if (left > 0ms) ::poll(nullptr, 0, static_cast<int>(left.count()));
}

class drill_run {
 public:
  explicit drill_run(const options& chosen)
      : chosen_(chosen), channels_(names(chosen)), people_(settings(chosen)) {}

  json::object run() {
    const bool all_live = await_all(60s);
    const auto connected = unix_seconds();
    drill::steady_producer producer(redis_of(chosen_), channels_, chosen_.rate);
    const auto cpu_before = bench::own_cpu();
    const auto start = steady::now();
    watch(producer,
          start + std::chrono::duration_cast<steady::duration>(
                      std::chrono::duration<double>(chosen_.seconds)));
    producer.stop();
    const auto length =
        std::chrono::duration<double>(steady::now() - start).count();
    const std::chrono::duration<double> cpu = bench::own_cpu() - cpu_before;
    people_.settles();
    const auto live_at_end = people_.live();
    const auto late = people_.whole_lateness();
    const auto verdict = people_.judge(producer.published());
    json::object result{{"viewers", chosen_.crowd.viewers},
                        {"all_live_at_start", all_live},
                        {"connected_at", connected},
                        {"live_at_end", live_at_end},
                        {"published", producer.answered()},
                        {"skipped", producer.skipped()},
                        {"unanswered", producer.sent() - producer.answered()},
                        {"seconds", length},
                        {"cpu_percent", 100 * cpu.count() / length},
                        {"latency_ms", ms_of(late)}};
    add(result, verdict);
    return result;
  }

 private:
  static std::vector<std::string> names(const options& chosen) {
    std::vector<std::string> result;
    result.reserve(chosen.channels);
    for (std::size_t i = 0; i < chosen.channels; ++i)
      result.push_back(chosen.run + ":c" + std::to_string(i));
    return result;
  }

  static support::crowd_options settings(const options& chosen) {
    auto result = chosen.crowd;
    result.channels = names(chosen);
    result.comes_back_after = std::chrono::milliseconds{chosen.come_back_ms};
    return result;
  }

  bool await_all(std::chrono::seconds limit) {
    const auto until = steady::now() + limit;
    while (people_.live() < chosen_.crowd.viewers) {
      if (asked::end || steady::now() > until) return false;
      pause_until(steady::now() + look_every);
    }
    return true;
  }

  void watch(const drill::steady_producer& producer, steady::time_point end) {
    for (auto next = steady::now() + 1s; steady::now() < end;) {
      pause_until(std::min(steady::now() + look_every, end));
      if (asked::end) return;
      if (asked::drop.exchange(false)) people_.drop_all();
      if (steady::now() < next) continue;
      next += 1s;
      const json::object line{{"t", unix_seconds()},
                              {"live", people_.live()},
                              {"opened", people_.opened()},
                              {"received", people_.received()},
                              {"sent", producer.sent()},
                              {"latency_ms", ms_of(people_.lateness())}};
      std::cout << json::serialize(line) << std::endl;
    }
  }

  static json::object by_code(const std::map<unsigned, std::size_t>& closes) {
    json::object result;
    for (const auto& [code, count] : closes)
      result[std::to_string(code)] = count;
    return result;
  }

  static void add(json::object& result, const support::crowd_report& verdict) {
    result["received"] = verdict.received;
    result["duplicated"] = verdict.duplicated;
    result["reordered"] = verdict.reordered;
    result["lost_untold"] = verdict.lost_untold;
    result["lost_told"] = verdict.lost_told;
    result["uncovered"] = verdict.uncovered;
    result["gaps"] = verdict.gaps;
    result["refused"] = verdict.refused;
    result["closes"] = by_code(verdict.closes);
    result["slow_closes"] = by_code(verdict.slow_closes);
  }

  const options chosen_;
  const std::vector<std::string> channels_;
  support::crowd people_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    options chosen;
    CLI::App app{"Viewers that check what they get, and their producer"};
    declare_options(app, chosen);
    CLI11_PARSE(app, argc, argv);
    take_signals();
    bench::raise_file_limit();
    std::cout << json::serialize(drill_run(chosen).run()) << std::endl;
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "status2_crowd: " << error.what() << '\n';
    return 1;
  }
}
