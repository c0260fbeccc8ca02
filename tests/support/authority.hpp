/// Certificates for tests of TLS.
#pragma once

#include "tests/support/temporary_directory.hpp"

#include <string>
#include <vector>

namespace status2::support {

/// An authority of the test's own and the certificates that it signs. Errors:
/// throws if openssl(1) fails.
class authority {
 public:
  explicit authority(const std::string& name);

  std::string certificate() const { return file("ca.pem"); }
  /// Makes `as`.key and `as`.pem. `alternative` is a subjectAltName such as
  /// `DNS:localhost`; empty: none.
  void sign(const std::string& as, const std::string& common_name,
            const std::string& alternative, const std::string& days = "2");
  std::string file(const std::string& name) const {
    return directory_.path() + "/" + name;
  }
  /// Runs openssl(1).
  static void run(std::vector<std::string> arguments);

 private:
  temporary_directory directory_;
};

}  // namespace status2::support
