/// Who gets in: how many clients there may be, in all and from one address,
/// and which address a client has that came through a proxy.
#pragma once

#include "transport/refusal.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace status2::transport {

using address = boost::asio::ip::address;
using network =
    std::variant<boost::asio::ip::network_v4, boost::asio::ip::network_v6>;

/// The address of a client that has none, 0.0.0.0: it came by a Unix socket and
/// no proxy names it. Limits per address do not concern it.
inline const address no_address{};
inline bool has_address(const address& who) {
  return !who.is_unspecified();
}

/// `10.0.0.0/8`, `fd00::/8` or a single address.
/// Errors: nothing where the text is none of them.
std::optional<network> parse_network(std::string_view text);
bool contains(const network& where, const address& who);

/// The part of an address that one client has for itself: an IPv4 address, or a
/// network /64 of IPv6.
address client_network(const address& who);

/// IPv4 as such, also if a socket for both wrote it as IPv6.
address plain(const address& who);

/// A place among the clients, or the reason for the refusal.
struct admission_result {
  std::shared_ptr<void> place;             ///< free again when it is destroyed
  refusal refused = refusal::connections;  ///< if `place` is null
};

struct admission_limits {
  std::size_t connections = 10000;
  /// 0: any number. Clients without an address are not counted.
  std::size_t connections_per_address = 0;
};

/// Thread: any. Must outlive the places it gives.
class admission {
 public:
  explicit admission(admission_limits limits) : limits_(limits) {}

  /// Counts with other limits from now on. Clients that are inside stay, and a
  /// limit per address that was off does not count them.
  void limit(admission_limits limits);
  /// A place for one more client from `who`.
  admission_result enter(const address& who);
  std::size_t inside() const;

 private:
  /// Counts one more client, or returns the reason for the refusal. Sets
  /// `by_address` if its address is counted as well.
  std::optional<refusal> take(const address& who, bool& by_address);
  void leave(const address& who, bool by_address);
  bool counts(const address& who) const {
    return limits_.connections_per_address != 0 && has_address(who);
  }

  admission_limits limits_;
  mutable std::mutex mutex_;
  std::size_t inside_ = 0;
  /// IPv4 addresses and networks /64 of IPv6; unused without its limit.
  std::map<address, std::size_t> by_address_;
};

}  // namespace status2::transport
