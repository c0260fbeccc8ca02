#include "transport/rate_gate.hpp"

#include "transport/allowance.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace status2::transport {

bool rate_gate::pass(gate_waiter& waiter, const address& who) {
  if (turns_.empty() && admit()) return true;
  const auto key = client_network(who);
  auto queue = waiting_.find(key);
  if (queue == waiting_.end()) {
    // Both or neither: a queue without a turn would wait for good.
    std::list<address> turn{key};
    queue = waiting_.try_emplace(key).first;
    turns_.splice(turns_.end(), turn);
  }
  queue->second.push_back(waiter);
  loop_.counters().handshakes_waiting.add();
  return false;
}

void rate_gate::leave(gate_waiter& who) {
  if (!who.hook_.is_linked()) return;
  who.hook_.unlink();
  loop_.counters().handshakes_waiting.sub();
}

gate_waiter* rate_gate::next() {
  while (!turns_.empty()) {
    const auto queue = waiting_.find(turns_.front());
    if (!queue->second.empty()) return &queue->second.front();
    // All waiters of this address have left.
    waiting_.erase(queue);
    turns_.pop_front();
  }
  return nullptr;
}

void rate_gate::on_timer() {
  while (auto* const waiter = next()) {
    if (!admit()) return;
    // Behind the others; next() drops it if nobody is left.
    turns_.splice(turns_.end(), turns_, turns_.begin());
    leave(*waiter);
    waiter->let_through();
  }
}

bool rate_gate::admit() {
  if (rate_ == 0) return true;
  // A tenth of a second's worth may go at once, and a timer waits for several:
  // one each would cost too much.
  using std::chrono::nanoseconds;
  constexpr nanoseconds tenth{std::chrono::milliseconds{100}};
  constexpr nanoseconds several = tenth / 10;
  const auto now = loop_.now();
  const auto each =
      nanoseconds{std::chrono::seconds{1}} / static_cast<std::int64_t>(rate_);
  const allowance limit{each, std::max(tenth, each)};
  const auto after = limit.after(due_, now);
  if (!limit.holds(after, now)) {
    loop_.arm(*this, after - limit.burst + several);
    return false;
  }
  due_ = after;
  return true;
}

}  // namespace status2::transport
