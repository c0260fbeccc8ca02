// The load generator: many viewers and one producer in one thread. Prints one
// JSON object; exit code 1 if there was nothing to measure.
#include "tests/bench/load_report.hpp"
#include "tests/bench/load_run.hpp"
#include "tests/bench/sockets.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>

namespace {

void declare_options(CLI::App& app, status2::bench::load_options& options) {
  app.add_option("--port", options.port, "server under test")->required();
  app.add_option("--redis-port", options.redis_port, "where to publish")
      ->required();
  app.add_option("--pid", options.pids, "processes of the server under test")
      ->required();
  app.add_option("--http-target", options.http_target,
                 "POST to this target and the channel's name instead of Redis");
  app.add_option("--path-prefix", options.path_prefix, "before /channel");
  app.add_option("--run", options.run, "of the channels' names");
  app.add_option("--query", options.query, "behind /channel, with its ?");
  app.add_flag("--event-stream", options.event_stream,
               "event streams instead of WebSockets");
  app.add_flag("--tls", options.tls, "the server speaks TLS");
  app.add_option("--viewers", options.viewers, "WebSocket connections")
      ->check(CLI::PositiveNumber);
  app.add_option("--channels", options.channels, "channels they share")
      ->check(CLI::PositiveNumber);
  auto* rate = app.add_option("--rate", options.rate,
                              "messages a second over all channels")
                   ->check(CLI::NonNegativeNumber);
  app.add_option("--in-flight", options.in_flight,
                 "saturate with so many messages under way")
      ->excludes(rate);
  app.add_option("--loud-rate", options.loud_rate,
                 "one more channel with so many messages a second")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--loud-viewers", options.loud_viewers,
                 "WebSocket connections of that channel")
      ->check(CLI::PositiveNumber);
  app.add_option("--payload", options.payload_size, "bytes, at least 33");
  app.add_option("--seconds", options.seconds, "measuring window")
      ->check(CLI::PositiveNumber);
  app.add_option("--warm-up", options.warm_up_seconds, "seconds before it");
  app.add_option("--concurrency", options.concurrency, "handshakes at once")
      ->check(CLI::PositiveNumber);
  app.add_flag("--await-replay", options.await_replay,
               "wait for the end of each viewer's replay");
  app.add_flag("--init", options.send_init, "send init, wait for the answer");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    status2::bench::load_options options;
    CLI::App app{"Load generator of the status2 benchmark"};
    declare_options(app, options);
    CLI11_PARSE(app, argc, argv);
    status2::bench::raise_file_limit();
    const auto result = status2::bench::run_load(options);
    std::cout << status2::bench::report(options, result) << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "status2_load: " << error.what() << '\n';
    return 1;
  }
}
