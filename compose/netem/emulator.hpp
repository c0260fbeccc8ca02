#pragma once

// The main path: a packet is read from the queue, the model says how late it
// is, it waits in the hold queue, its verdict goes back to the kernel.

#include "compose/netem/descriptor.hpp"
#include "compose/netem/hold_queue.hpp"
#include "compose/netem/link_model.hpp"
#include "compose/netem/nfqueue_socket.hpp"
#include "compose/netem/tally.hpp"

#include <chrono>
#include <optional>

namespace status2::netem {

class emulator {
 public:
  /// Owns: neither; `signals` is a signalfd.
  emulator(nfqueue_socket& queue, int signals, const link_settings& link);

  /// Blocks: until a signal comes or `run_for` is over.
  void run(std::optional<duration> run_for);

  /// Lets everything that waits go at once. To be called when no rule sends
  /// packets here any more; what they sent before is still read.
  void release_all();

  const tally& counts() const { return counts_; }

 private:
  void wait_for_event();
  void take_packets();
  void hold(std::uint32_t id, time_point now);
  void release_due(time_point now);
  void arm(const descriptor& timer, time_point when);

  nfqueue_socket& queue_;
  link_model model_;
  hold_queue held_;
  tally counts_;
  std::optional<std::uint32_t> last_id_;
  descriptor release_timer_;
  descriptor end_timer_;
  descriptor epoll_;
  std::optional<time_point> armed_for_;
  bool ended_ = false;
};

}  // namespace status2::netem
