#include "service/healthcheck.hpp"

#include "service/http_client.hpp"

namespace status2::service {

std::string healthcheck(const std::string& listen_addr) {
  constexpr unsigned ok = 200;
  const auto answer = ask(listen_addr, {.target = "/health"});
  if (!answer.error.empty()) return listen_addr + ": " + answer.error;
  if (answer.status == ok) return {};
  return listen_addr + ": /health answered " + std::to_string(answer.status);
}

}  // namespace status2::service
