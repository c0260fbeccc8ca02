#pragma once

// Pure. The packets that wait for their verdict, in the order in which they are
// due. Time is an argument.

#include <chrono>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace status2::netem {

using time_point = std::chrono::steady_clock::time_point;

struct held_packet {
  /// The kernel's name for the packet, good for one verdict.
  std::uint32_t id = 0;
  time_point arrived;
  time_point due;
};

class hold_queue {
 public:
  void push(const held_packet& packet);

  /// When the next packet is due; nothing: none waits.
  std::optional<time_point> next_due() const;

  /// Takes out the packet that has been due longest; nothing: none is due yet.
  /// Order: packets due at the same time leave as they came.
  std::optional<held_packet> pop_due(time_point now);

  std::size_t size() const { return heap_.size(); }

 private:
  struct entry {
    held_packet packet;
    std::uint64_t order;
  };
  struct later {
    bool operator()(const entry& left, const entry& right) const;
  };

  std::priority_queue<entry, std::vector<entry>, later> heap_;
  std::uint64_t pushed_ = 0;
};

}  // namespace status2::netem
