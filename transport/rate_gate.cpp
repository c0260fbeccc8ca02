#include "transport/rate_gate.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace status2::transport {

bool rate_gate::pass(gate_waiter& who) {
  if (rate_ == 0 || (waiting_.empty() && admit())) return true;
  waiting_.push_back(who);
  loop_.counters().handshakes_waiting.add();
  return false;
}

void rate_gate::leave(gate_waiter& who) {
  if (!who.hook_.is_linked()) return;
  who.hook_.unlink();
  loop_.counters().handshakes_waiting.sub();
}

void rate_gate::on_timer() {
  while (!waiting_.empty() && admit()) {
    auto& next = waiting_.front();
    leave(next);
    next.let_through();
  }
}

bool rate_gate::admit() {
  // The generic cell rate algorithm. A tenth of a second's worth may go at
  // once, and a timer waits for several: one each would cost too much.
  using std::chrono::nanoseconds;
  constexpr nanoseconds burst{std::chrono::milliseconds{100}};
  constexpr nanoseconds several = burst / 10;
  const auto now = io_loop::clock::now();
  const auto each =
      nanoseconds{std::chrono::seconds{1}} / static_cast<std::int64_t>(rate_);
  const auto ahead = std::max(burst - each, nanoseconds{0});
  if (due_ > now + ahead) {
    loop_.arm(*this, due_ - ahead + several);
    return false;
  }
  due_ = std::max(due_, now) + each;
  return true;
}

}  // namespace status2::transport
