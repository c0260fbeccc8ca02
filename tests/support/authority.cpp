#include "tests/support/authority.hpp"

#include "tests/support/process.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

namespace status2::support {

authority::authority(const std::string& name) {
  run({"req", "-x509", "-newkey", "ec", "-pkeyopt",
       "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file("ca.key"),
       "-out", file("ca.pem"), "-days", "2", "-subj", "/CN=" + name});
}

void authority::sign(const std::string& as, const std::string& common_name,
                     const std::string& alternative, const std::string& days) {
  run({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
       "-nodes", "-keyout", file(as + ".key"), "-out", file(as + ".csr"),
       "-subj", "/CN=" + common_name});
  const auto extensions = directory_.write(
      as + ".ext",
      alternative.empty() ? "" : "subjectAltName=" + alternative + "\n");
  run({"x509", "-req", "-in", file(as + ".csr"), "-CA", file("ca.pem"),
       "-CAkey", file("ca.key"), "-CAcreateserial", "-out", file(as + ".pem"),
       "-days", days, "-extfile", extensions});
}

void authority::run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  process openssl({.command = std::move(arguments)});
  if (openssl.wait(std::chrono::seconds{20}) != 0)
    throw std::runtime_error("openssl: " + openssl.errors());
}

}  // namespace status2::support
