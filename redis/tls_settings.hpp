/// Files for TLS towards Redis, as the operator names them.
#pragma once

#include <string>

namespace status2::redis {

/// Paths of PEM files.
struct tls_settings {
  std::string ca_file;    ///< empty: the certificates of the system
  std::string cert_file;  ///< for a server that asks for one; empty: none
  std::string key_file;   ///< belongs to cert_file; both are set or neither

  bool operator==(const tls_settings&) const = default;
};

}  // namespace status2::redis
