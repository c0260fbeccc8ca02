/// Holds requests for channels back so that a crowd comes in one after another
/// (STATUS_ACCEPT_RATE).
#pragma once

#include "transport/admission.hpp"
#include "transport/io_loop.hpp"
#include "transport/timer_wheel.hpp"

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <list>
#include <map>

namespace status2::transport {

/// Who asks a rate_gate to be let through.
class gate_waiter {
 public:
  /// Its turn has come.
  virtual void let_through() = 0;

 protected:
  ~gate_waiter() = default;

 private:
  friend class rate_gate;
  using hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  hook hook_;
};

/// Lets so many through in a second and holds the others back: addresses take
/// turns, those of one address in their order. Clients without an address take
/// turns as one, so that a crowd of them delays nobody else.
/// Thread: that of the loop.
class rate_gate final : private wheel_timer {
 public:
  rate_gate(io_loop& loop, std::size_t rate) : loop_(loop), rate_(rate) {}

  /// Lets `rate` through in a second from now on; 0: any number.
  void limit(std::size_t rate) { rate_ = rate; }
  /// Returns whether `waiter`, a client at `who`, may go on at once. If not it
  /// waits for let_through().
  bool pass(gate_waiter& waiter, const address& who);
  /// It waits no longer, if it did.
  void leave(gate_waiter& who);

 private:
  using queue = boost::intrusive::list<
      gate_waiter,
      boost::intrusive::member_hook<gate_waiter, gate_waiter::hook,
                                    &gate_waiter::hook_>,
      boost::intrusive::constant_time_size<false>>;

  void on_timer() override;
  /// The waiter whose turn it is. Null if nobody waits.
  gate_waiter* next();
  /// Whether one more may go now; if not, the timer is armed.
  bool admit();

  io_loop& loop_;
  std::size_t rate_;  ///< 0: any number
  io_loop::clock::time_point due_{};
  std::map<address, queue> waiting_;  ///< by client_network()
  std::list<address> turns_;          ///< keys of `waiting_`, each once
};

}  // namespace status2::transport
