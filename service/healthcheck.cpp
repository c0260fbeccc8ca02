#include "service/healthcheck.hpp"

#include "service/http_client.hpp"

namespace status2::service {

std::string healthcheck(const configuration& values) {
  constexpr unsigned ok = 200;
  // Where clients need a certificate, the broker's own may not be one of them.
  const bool aside =
      !values.tls_client_ca_file.empty() && !values.admin_addr.empty();
  const auto& address =
      (aside ? values.admin_addr : values.listen_addr).front();
  auto question = aside ? http_question{.host = own_host(values)}
                        : question_to_own_port(values);
  question.target = "/health";
  const auto answer = ask(address, question);
  if (!answer.error.empty()) return address + ": " + answer.error;
  if (answer.status == ok) return {};
  return address + ": /health answered " + std::to_string(answer.status);
}

}  // namespace status2::service
