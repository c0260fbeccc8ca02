/// Many viewers on a thread of their own that check everything they get.
#pragma once

#include "tests/bench/histogram.hpp"
#include "tests/support/numbered_producer.hpp"
#include "tests/support/pauses.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace status2::support {

struct crowd_options {
  std::uint16_t port = 0;  ///< of the broker
  std::vector<std::string> channels{};
  std::size_t viewers = 0;  ///< spread evenly over the channels
  /// Come back after a close, as browsers do, after this wait.
  std::chrono::milliseconds comes_back_after{50};
  std::string host = "127.0.0.1";  ///< of the broker, an IPv4 address
  /// So many of the viewers stop reading once they are live.
  std::size_t slow = 0;
  /// Viewers 0 and 1, 2 and 3 and so on are one client with two connections,
  /// which has a message if either got it.
  bool pairs = false;
};

/// How late messages with a stamp were, since somebody last asked.
struct crowd_lateness {
  std::uint64_t count = 0;
  std::chrono::nanoseconds p50{0}, p95{0}, p99{0}, max{0};
};

struct crowd_report {
  std::size_t received = 0;
  std::size_t duplicated = 0;
  std::size_t reordered = 0;
  /// Published while a viewer was live, never received, and in no gap that it
  /// was told of.
  std::size_t lost_untold = 0;
  std::size_t lost_told = 0;  ///< the same, within a gap it was told of
  /// Of pairs: published while neither connection was live, and not received.
  std::size_t uncovered = 0;
  std::size_t gaps = 0;  ///< gap frames
  /// By how much a gap exceeds what it has to tell at most: from the
  /// publication of the message that the viewer received last before it to that
  /// of the first one after it. In time that the broker ran, as is the next.
  std::chrono::nanoseconds longest_overstated{0};
  /// From the publication of a message to a viewer, at worst.
  std::chrono::nanoseconds longest_lateness{0};
  /// Ends of connections by close code; 0: without a Close frame.
  std::map<unsigned, std::size_t> closes;
  std::map<unsigned, std::size_t> slow_closes;  ///< of those that do not read
  std::size_t refused = 0;  ///< handshakes answered with something else
};

/// Thread: any, one at a time.
class crowd {
 public:
  explicit crowd(crowd_options options);
  ~crowd();
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;

  /// Viewers whose init is answered now.
  std::size_t live() const { return live_; }
  std::size_t received() const { return received_; }
  /// Handshakes that succeeded.
  std::size_t opened() const { return opened_; }
  /// Cuts every connection at once, without a Close; they come back.
  void drop_all() { drop_all_ = true; }

  /// Of all messages since the last call, and of all.
  crowd_lateness lateness();
  crowd_lateness whole_lateness();

  /// Waits until nothing more comes; false if it never stops.
  bool settles();
  /// Ends the viewers and compares what they got with what was published.
  /// `stopped`: when the broker did not run.
  crowd_report judge(const publications& published, const pauses& stopped = {});

 private:
  struct viewing;
  class loop;
  using client = std::vector<const viewing*>;  ///< all it ever opened
  static void judge_client(const client& one,
                           const std::vector<publication>& published,
                           const pauses& stopped, crowd_report& report);
  static void judge_times(const viewing& one,
                          const std::vector<publication>& published,
                          const pauses& stopped, crowd_report& report);
  std::vector<client> clients() const;

  crowd_options options_;
  std::atomic<std::size_t> live_{0};
  std::atomic<std::size_t> received_{0};
  std::atomic<std::size_t> opened_{0};
  std::atomic<bool> drop_all_{false};
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<viewing>> viewings_;  ///< ended ones too
  std::size_t refused_ = 0;
  std::mutex lateness_mutex_;
  bench::histogram recent_;
  bench::histogram whole_;
  std::thread thread_;
};

}  // namespace status2::support
