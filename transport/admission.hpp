/// Who gets in: how many clients there may be, in all and from one address,
/// and which address a client has that came through a proxy.
#pragma once

#include "transport/handshake.hpp"

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

/// `10.0.0.0/8`, `fd00::/8` or a single address.
/// Errors: nothing where the text is none of them.
std::optional<network> parse_network(std::string_view text);
bool contains(const network& where, const address& who);

/// The address of the client behind `peer`: with a trusted peer the last one
/// in `forwarded_for` that is no trusted proxy itself.
address client_address(const address& peer, std::string_view forwarded_for,
                       const std::vector<network>& trusted);

struct admission_limits {
  std::size_t connections = 10000;
  std::size_t connections_per_address = 0;  ///< 0: any number
};

/// Thread: any. Must outlive the places it gives.
class admission {
 public:
  explicit admission(admission_limits limits) : limits_(limits) {}

  /// A place for one more client from `who`, which is free again when it is
  /// destroyed. Errors: null, with the refusal in `refusal`.
  std::shared_ptr<void> enter(const address& who, http_refusal& refusal);
  std::size_t inside() const;

 private:
  void leave(const address& who);

  const admission_limits limits_;
  mutable std::mutex mutex_;
  std::size_t inside_ = 0;
  std::map<address, std::size_t> by_address_;  ///< unused without its limit
};

}  // namespace status2::transport
