/// Peers that are trusted as proxies (STATUS_TRUSTED_PROXIES).
#pragma once

#include "transport/admission.hpp"
#include "transport/peer.hpp"

#include <utility>
#include <vector>

namespace status2::transport {

/// Thread: any, once made.
class proxy_set {
 public:
  /// Trusts nobody.
  proxy_set() = default;
  /// `unix_sockets`: whether every peer at a Unix socket is trusted as well.
  explicit proxy_set(std::vector<network> networks, bool unix_sockets = false)
      : networks_(std::move(networks)), unix_sockets_(unix_sockets) {}

  /// Whether words of `who` about others are believed.
  bool trusts(const peer& who) const;
  /// Whether the proxy at `who` is trusted, of which another one tells.
  bool contains(const address& who) const;

 private:
  std::vector<network> networks_;
  bool unix_sockets_ = false;
};

}  // namespace status2::transport
