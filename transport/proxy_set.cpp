#include "transport/proxy_set.hpp"

#include <algorithm>

namespace status2::transport {

bool proxy_set::trusts(const peer& who) const {
  if (!who.named) return false;
  return who.unix_path.empty() ? contains(who.where) : unix_sockets_;
}

bool proxy_set::contains(const address& who) const {
  return std::ranges::any_of(networks_, [&who](const auto& one) {
    return transport::contains(one, who);
  });
}

}  // namespace status2::transport
