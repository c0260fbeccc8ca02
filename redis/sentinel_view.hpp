/// The sentinels that are known, in the order in which to ask them, and the
/// meaning of their answers. Pure.
#pragma once

#include "redis/answer.hpp"
#include "redis/endpoint.hpp"

#include <optional>
#include <string>
#include <vector>

namespace status2::redis {

/// Either the address of the master or the reason why there is none.
struct master_result {
  std::optional<endpoint> master;
  std::string problem;
};

/// Reads the answer to SENTINEL GET-MASTER-ADDR-BY-NAME. A sentinel that
/// watches no master of that name says nil, or IDONTKNOW.
/// Errors: master_result::problem, also for an error of the sentinel.
master_result read_master(const answer& from, const std::string& master_name);

/// Whether `push`, a message of a subscription to +switch-master, names
/// `master_name`.
bool says_switched(const answer& push, const std::string& master_name);

/// Thread: one.
class sentinel_view {
 public:
  /// `configured` stay for ever; they are asked in this order at first.
  explicit sentinel_view(std::vector<endpoint> configured);

  /// In the order in which to ask. Never empty.
  const std::vector<endpoint>& order() const { return order_; }
  /// `who` named a master and is asked first from now on.
  void answered(const endpoint& who);
  /// The master that `who` named does not serve as one: asks others first.
  void misled(const endpoint& who);
  /// Reads the answer of `from` to SENTINEL SENTINELS: the other sentinels.
  /// They replace those that earlier answers named. Anything else leaves the
  /// list as it is.
  /// Limits: 64 sentinels, the configured ones included.
  void learn(const endpoint& from, const answer& sentinels);

 private:
  const std::vector<endpoint> configured_;
  std::vector<endpoint> order_;
};

}  // namespace status2::redis
