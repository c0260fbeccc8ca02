#include "transport/admission.hpp"

#include <boost/algorithm/string/trim.hpp>

#include <cstdint>
#include <limits>

namespace status2::transport {

namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

/// IPv4 as such, also where a socket for both wrote it as IPv6.
address plain(const address& who) {
  if (who.is_v6() && who.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, who.to_v6());
  return who;
}

bool trusted_by(const std::vector<network>& networks, const address& who) {
  for (const auto& one : networks)
    if (contains(one, who)) return true;
  return false;
}

}  // namespace

std::optional<network> parse_network(std::string_view text) {
  const std::string whole(text);
  error_code error;
  if (text.find('/') == std::string_view::npos) {
    const auto single = ip::make_address(whole, error);
    if (error) return std::nullopt;
    if (single.is_v4()) return ip::network_v4(single.to_v4(), 32);
    return ip::network_v6(single.to_v6(), 128);
  }
  auto v4 = ip::make_network_v4(whole, error);
  if (!error) return v4;
  auto v6 = ip::make_network_v6(whole, error);
  if (!error) return v6;
  return std::nullopt;
}

bool contains(const network& where, const address& who) {
  const auto bare = plain(who);
  if (const auto* v4 = std::get_if<ip::network_v4>(&where))
    return bare.is_v4() &&
           ip::network_v4(bare.to_v4(), v4->prefix_length()).canonical() ==
               v4->canonical();
  const auto& v6 = std::get<ip::network_v6>(where);
  return bare.is_v6() &&
         ip::network_v6(bare.to_v6(), v6.prefix_length()).canonical() ==
             v6.canonical();
}

address client_address(const address& peer, std::string_view forwarded_for,
                       const std::vector<network>& trusted) {
  auto client = plain(peer);
  // From the right: each proxy appended whom it had before itself.
  while (trusted_by(trusted, client) && !forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const auto start = comma == std::string_view::npos ? 0 : comma + 1;
    std::string hop(forwarded_for.substr(start));
    boost::trim(hop);
    error_code error;
    const auto next = ip::make_address(hop, error);
    if (error) break;  // nobody who can be told apart: the proxy answers for it
    client = plain(next);
    forwarded_for = forwarded_for.substr(0, start == 0 ? 0 : comma);
  }
  return client;
}

std::shared_ptr<void> admission::enter(const address& who,
                                       http_refusal& refusal) {
  const std::lock_guard guard(mutex_);
  if (inside_ >= limits_.connections) {
    refusal = too_many_connections();
    return nullptr;
  }
  if (limits_.connections_per_address != 0) {
    auto& count = by_address_[who];
    if (count >= limits_.connections_per_address) {
      refusal = too_many_from_address();
      return nullptr;
    }
    ++count;
  }
  ++inside_;
  // A pointer that owns nothing but the call at its end.
  return {static_cast<void*>(this), [this, who](void*) { leave(who); }};
}

std::size_t admission::inside() const {
  const std::lock_guard guard(mutex_);
  return inside_;
}

void admission::leave(const address& who) {
  const std::lock_guard guard(mutex_);
  --inside_;
  if (limits_.connections_per_address == 0) return;
  const auto found = by_address_.find(who);
  if (found != by_address_.end() && --found->second == 0)
    by_address_.erase(found);
}

}  // namespace status2::transport
