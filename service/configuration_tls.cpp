#include "service/configuration_load.hpp"

#include <utility>

namespace status2::service {

void read_client_tls(load_result& result) {
  constexpr std::string_view certificate = "STATUS_TLS_CERT_FILE";
  constexpr std::string_view key = "STATUS_TLS_KEY_FILE";
  constexpr std::string_view client_ca = "STATUS_TLS_CLIENT_CA_FILE";
  auto& values = result.values;
  const bool has_key = !values.tls_key_file.empty();
  if (values.tls_cert_file.empty()) {
    if (has_key) refuse(result, key, "needs STATUS_TLS_CERT_FILE too");
    // Without TLS nobody would be asked for a certificate.
    if (!values.tls_client_ca_file.empty())
      refuse(result, client_ca, "needs STATUS_TLS_CERT_FILE too");
    return;
  }
  if (!has_key)
    return refuse(result, certificate, "needs STATUS_TLS_KEY_FILE too");
  transport::tls_problem problem;
  values.tls = transport::tls_context::load(
      {values.tls_cert_file, values.tls_key_file, values.tls_client_ca_file},
      problem);
  for (const auto& [variable, path] :
       {std::pair{certificate, &values.tls_cert_file},
        std::pair{key, &values.tls_key_file},
        std::pair{client_ca, &values.tls_client_ca_file}})
    if (!path->empty())
      note_content(result, variable, read_file(*path).value_or(""));
  using part = transport::tls_problem::part;
  if (problem.where == part::certificate)
    refuse(result, certificate, problem.text);
  else if (problem.where == part::key)
    refuse(result, key, problem.text);
  else if (problem.where == part::client_ca)
    refuse(result, client_ca, problem.text);
}

}  // namespace status2::service
