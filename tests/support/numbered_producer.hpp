/// The producer whose numbered messages a crowd is judged by.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace status2::support {

/// When a message was published, at the earliest and at the latest.
struct publication {
  std::chrono::system_clock::time_point before;
  std::chrono::system_clock::time_point after;
};
/// By channel, the index is the message's number, which the message starts
/// with. Behind a space it may say when it was published (CLOCK_MONOTONIC, ns).
using publications = std::map<std::string, std::vector<publication>>;

/// Publishes the next number of each channel in turn. Thread: one.
class numbered_producer {
 public:
  /// Publishes a payload to a channel. Errors: throws if Redis did not take it.
  using publisher = std::function<void(const std::string& channel,
                                       const std::string& payload)>;

  numbered_producer(std::uint16_t redis_port,
                    std::vector<std::string> channels);
  /// For several Redis servers: `publish` knows which of them to use.
  numbered_producer(publisher publish, std::vector<std::string> channels);

  /// One message; false if Redis did not take it, which then does not count.
  bool publish();
  /// Publishes at `rate` a second until `end`, calling `meanwhile` between.
  template <class Meanwhile>
  void publish_until(std::chrono::steady_clock::time_point end, double rate,
                     Meanwhile meanwhile) {
    const auto step = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(1 / rate));
    auto next = std::chrono::steady_clock::now();
    for (; next < end; next += step) {
      wait_until(next);
      publish();
      meanwhile();
    }
  }
  const publications& published() const { return published_; }
  std::size_t count() const { return count_; }

 private:
  static void wait_until(std::chrono::steady_clock::time_point when);

  const publisher publish_;
  const std::vector<std::string> channels_;
  std::size_t next_channel_ = 0;
  std::size_t count_ = 0;
  publications published_;
};

}  // namespace status2::support
