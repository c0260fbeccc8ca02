/// One run of the load generator, from the first connection to the verdict.
#pragma once

#include "tests/bench/histogram.hpp"
#include "tests/bench/process_sample.hpp"
#include "tests/bench/publisher.hpp"
#include "tests/bench/viewer_pool.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace status2::bench {

struct load_options {
  std::uint16_t port = 0;        ///< of the server under test
  std::uint16_t redis_port = 0;  ///< where messages are published
  std::string http_target;       ///< publish there instead (publisher.hpp)
  std::string path_prefix;
  std::string run = "bench";  ///< channels are run:c0, run:c1 and so on
  std::string query;          ///< behind each channel, with its `?`
  bool event_stream = false;  ///< instead of WebSockets
  bool tls = false;
  std::vector<pid_t> pids;  ///< processes of the server under test
  std::size_t viewers = 300;
  std::size_t channels = 1;
  double rate = 0;            ///< messages a second over all channels
  std::size_t in_flight = 0;  ///< instead of a rate: saturate
  double loud_rate = 0;       ///< of one more channel, whose latency is apart
  std::size_t loud_viewers = 1;
  std::size_t payload_size = 128;
  double seconds = 4;
  double warm_up_seconds = 0.5;
  std::size_t concurrency = 64;  ///< handshakes under way at once
  bool send_init = false;
  bool await_replay = false;  ///< connected means that the replay is over
};

struct load_result {
  process_sample before_connect;
  process_sample after_connect;
  process_sample window_begin;
  process_sample window_end;
  double connect_seconds = 0;
  double window_seconds = 0;
  std::chrono::nanoseconds own_cpu{0};   ///< of the generator in the window
  std::chrono::nanoseconds own_wait{0};  ///< ready, and no core for it
  std::uint64_t published = 0;           ///< in the window
  std::uint64_t received = 0;            ///< in the window, by all viewers
  delivery_faults faults;                ///< of the whole run
  reception seen;                        ///< of the whole run
  histogram lateness;  ///< nanoseconds behind the pace, in the window
  histogram loud_lateness;
};

/// Connects all viewers, publishes and measures. Blocks: for the whole run.
/// Errors: std::runtime_error if there was nothing to measure, such as a
/// refused handshake.
load_result run_load(const load_options& options);

}  // namespace status2::bench
