#include "transport/admission.hpp"

#include <cstdint>
#include <limits>

namespace status2::transport {

namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

}  // namespace

address plain(const address& who) {
  if (who.is_v6() && who.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, who.to_v6());
  return who;
}

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

address client_network(const address& who) {
  constexpr unsigned short length = 64;
  auto bare = plain(who);
  if (bare.is_v4()) return bare;
  return ip::network_v6(bare.to_v6(), length).network();
}

admission_result admission::enter(const address& who) {
  bool by_address = false;
  if (const auto why = take(who, by_address)) return {nullptr, *why};
  // A pointer that owns nothing but the call at its end. The call is made too
  // if there is no memory for the pointer.
  return {std::shared_ptr<void>(
      static_cast<void*>(this),
      [this, who, by_address](void*) { leave(who, by_address); })};
}

void admission::limit(admission_limits limits) {
  const std::lock_guard guard(mutex_);
  limits_ = limits;
}

std::optional<refusal> admission::take(const address& who, bool& by_address) {
  const std::lock_guard guard(mutex_);
  if (inside_ >= limits_.connections) return refusal::connections;
  by_address = counts(who);
  if (by_address) {
    auto& count = by_address_[client_network(who)];
    if (count >= limits_.connections_per_address) return refusal::address;
    ++count;
  }
  ++inside_;
  return std::nullopt;
}

std::size_t admission::inside() const {
  const std::lock_guard guard(mutex_);
  return inside_;
}

void admission::leave(const address& who, bool by_address) {
  const std::lock_guard guard(mutex_);
  --inside_;
  if (!by_address) return;
  const auto found = by_address_.find(client_network(who));
  if (found != by_address_.end() && --found->second == 0)
    by_address_.erase(found);
}

}  // namespace status2::transport
