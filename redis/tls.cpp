#include "redis/tls.hpp"

#include <boost/asio/ip/address.hpp>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace status2::redis {

namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

void note(tls_context& result, const std::string& file, error_code error) {
  if (error && result.error.empty())
    result.error = file + ": " + error.message();
}

}  // namespace

std::shared_ptr<tls_context> make_tls_context(const tls_settings& settings) {
  auto result = std::make_shared<tls_context>();
  auto& context = result->context;
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  error_code error;
  context.set_verify_mode(ssl::verify_peer, error);
  if (settings.ca_file.empty())
    context.set_default_verify_paths(error);
  else
    context.load_verify_file(settings.ca_file, error);
  note(*result,
       settings.ca_file.empty() ? "system certificates" : settings.ca_file,
       error);
  if (settings.cert_file.empty()) return result;
  // There is nobody to ask for the passphrase of a key.
  context.set_password_callback(
      [](std::size_t, ssl::context::password_purpose) { return std::string(); },
      error);
  context.use_certificate_chain_file(settings.cert_file, error);
  note(*result, settings.cert_file, error);
  context.use_private_key_file(settings.key_file, ssl::context::pem, error);
  note(*result, settings.key_file, error);
  return result;
}

void expect_host(SSL* connection, const std::string& host) {
  error_code is_name;
  boost::asio::ip::make_address(host, is_name);
  auto* wanted = SSL_get0_param(connection);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (is_name) {
    SSL_set_tlsext_host_name(connection, host.c_str());
    X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
  }
}

std::string certificate_problem(SSL* connection) {
  const auto result = SSL_get_verify_result(connection);
  if (result == X509_V_OK) return {};
  return std::string("certificate: ") + X509_verify_cert_error_string(result);
}

}  // namespace status2::redis
