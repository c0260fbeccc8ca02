/// Where log lines go: one JSON object a line on standard output, written by a
/// thread of its own.
#pragma once

#include "actors/log.hpp"

#include <spdlog/common.h>
#include <spdlog/logger.h>

#include <cstdint>
#include <memory>

namespace status2::service {

/// Makes actors::log() write as long as it lives; one at a time.
/// Owns: spdlog's default logger and its thread. The destructor writes what
/// waits.
class logging {
 public:
  explicit logging(actors::log_level least);
  /// The same into another descriptor, which is not owned. Limits: `queue`
  /// lines may wait; beyond it the oldest are dropped and counted.
  logging(actors::log_level least, int fd, std::size_t queue);
  /// The same into another sink, for tests.
  logging(actors::log_level least, spdlog::sink_ptr sink, std::size_t queue);
  ~logging();
  logging(const logging&) = delete;
  logging& operator=(const logging&) = delete;

  /// The least level that is written from now on. Thread: any.
  static void level(actors::log_level least);
  /// Writes what waits; what is logged from then on is lost. For a process
  /// that ends with threads still running.
  void finish();

  /// Lines lost so far: dropped from the queue, or refused by the descriptor.
  /// Thread: any.
  static std::int64_t dropped_lines();

 private:
  void begin(actors::log_level least, spdlog::sink_ptr sink);

  std::shared_ptr<spdlog::logger> logger_;  ///< alive while anyone may log
};

}  // namespace status2::service
