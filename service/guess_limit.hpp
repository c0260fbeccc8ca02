/// Slows guesses at a secret, for each address and in all. Time comes in as an
/// argument.
#pragma once

#include "transport/admission.hpp"

#include <chrono>
#include <cstddef>
#include <map>

namespace status2::service {

/// Limits: an address may guess wrong 5 times at once and once a second in the
/// long run, all together 20 times and 10 times a second. Keeps at most 1,024
/// addresses; beyond them, and for clients without an address, the limit for
/// all is the only one. Thread: one.
class guess_limit {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Whether a token of `who` may be looked at.
  bool open_to(const transport::address& who, time_point now) const;
  /// The token was wrong.
  void failed(const transport::address& who, time_point now);
  std::size_t kept() const { return by_address_.size(); }

 private:
  time_point all_due_{};  ///< when the allowance of all is full again
  std::map<transport::address, time_point> by_address_;
};

}  // namespace status2::service
