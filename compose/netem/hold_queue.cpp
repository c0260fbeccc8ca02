#include "compose/netem/hold_queue.hpp"

#include <tuple>

namespace status2::netem {

bool hold_queue::later::operator()(const entry& left,
                                   const entry& right) const {
  return std::tie(left.packet.due, left.order) >
         std::tie(right.packet.due, right.order);
}

void hold_queue::push(const held_packet& packet) {
  heap_.push({packet, pushed_++});
}

std::optional<time_point> hold_queue::next_due() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.top().packet.due;
}

std::optional<held_packet> hold_queue::pop_due(time_point now) {
  if (heap_.empty() || heap_.top().packet.due > now) return std::nullopt;
  const held_packet packet = heap_.top().packet;
  heap_.pop();
  return packet;
}

}  // namespace status2::netem
