/// The items of STATUS_TRUSTED_PROXIES and the addresses of the names among
/// them. Looks nothing up and knows no clock: outcomes and times come in.
#pragma once

#include "transport/proxy_set.hpp"

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace status2::service {

/// Whether `item` is an address, a network, `unix:` or a host name. A name that
/// ends with a number is not a name: it is a mistyped address.
bool valid_proxy(std::string_view item);

/// Thread: one at a time.
class proxy_table {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `items`: each of them valid_proxy().
  explicit proxy_table(const std::vector<std::string>& items);

  std::vector<std::string> names() const;
  /// Whether every name has an address.
  bool complete() const;
  /// What is trusted now. A name without an address trusts nobody.
  transport::proxy_set trusted() const;

  /// A lookup found `addresses`. Returns whether the trusted set changed.
  bool found(const std::string& name, std::set<transport::address> addresses,
             time_point now);
  /// A lookup failed. The addresses of a name that does not exist (`gone`) are
  /// forgotten at once, others after five minutes without an answer.
  struct failure {
    bool changed = false;
    bool warn = false;  ///< at the first failure, then once a minute
  };
  failure failed(const std::string& name, bool gone, time_point now);

 private:
  struct host {
    std::string name;
    std::set<transport::address> addresses{};
    time_point found_at{};
    bool warned = false;  ///< since it was found
    time_point warned_at{};
  };
  host& host_of(const std::string& name);

  std::vector<transport::network> networks_;
  std::vector<host> hosts_;
  bool unix_sockets_ = false;
};

}  // namespace status2::service
