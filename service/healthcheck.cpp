#include "service/healthcheck.hpp"

#include "service/http_client.hpp"

namespace status2::service {

std::string healthcheck(const configuration& values) {
  const auto& listen_addr = values.listen_addr.front();
  constexpr unsigned ok = 200;
  const auto answer = ask(listen_addr, {.target = "/health",
                                        .host = own_host(values),
                                        .proxy_header = values.proxy_protocol});
  if (!answer.error.empty()) return listen_addr + ": " + answer.error;
  if (answer.status == ok) return {};
  return listen_addr + ": /health answered " + std::to_string(answer.status);
}

}  // namespace status2::service
