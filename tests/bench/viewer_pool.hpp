/// All viewers of a run, spread evenly over the channels.
#pragma once

#include "tests/bench/viewer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace status2::bench {

struct delivery_faults {
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
};

/// Thread: that of the loop.
class viewer_pool {
 public:
  explicit viewer_pool(viewing& shared) : shared_(shared) {}

  /// `viewers` more, spread over the new `channels`, whose latencies go to
  /// `latency`.
  void add(std::size_t viewers, const std::vector<std::string>& channels,
           histogram& latency);

  /// Starts as many connections as keep `concurrency` handshakes under way.
  void open_more(std::size_t concurrency);
  std::size_t size() const { return viewers_.size(); }
  std::uint64_t viewers_of(std::size_t channel) const {
    return viewers_of_[channel];
  }
  /// Channels with a viewer that has seen no probe yet.
  std::vector<std::size_t> unprobed_channels() const;
  /// Compares what came with what was published, by channel.
  delivery_faults check(const std::vector<std::uint64_t>& published) const;

 private:
  struct place {
    std::size_t channel;
    std::unique_ptr<viewer> client;
  };

  viewing& shared_;
  std::vector<place> viewers_;
  std::vector<std::uint64_t> viewers_of_;
  std::size_t started_ = 0;
};

}  // namespace status2::bench
