#include "transport/tls_context.hpp"

#include "transport/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string_view>
#include <sys/socket.h>
#include <system_error>

namespace status2::transport {

namespace {

// Of what TLS 1.2 has: forward secrecy and authenticated encryption.
constexpr const char* ciphers_of_tls12 = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL";

/// The first thing that OpenSSL complains of.
std::string complaint() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code))
    return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "not usable" : reason;
}

/// There is nobody to ask; `wanted` is a bool.
int no_passphrase(char*, int, int, void* wanted) {
  *static_cast<bool*>(wanted) = true;
  return -1;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size,
                    void*) {
  // Source: RFC 7301 section 3.2.
  static constexpr std::array<unsigned char, 9> known{8,   'h', 't', 't', 'p',
                                                      '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, known.data(), known.size(), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* when) {
  tm parts{};
  if (ASN1_TIME_to_tm(when, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

void set_rules(SSL_CTX* context) {
  constexpr std::string_view session_id = "status2";
  constexpr long hours_of_a_ticket = 2;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (kernel_tls_obstacle().empty())
    SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
  // An idle connection keeps no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
                                SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_cipher_list(context, ciphers_of_tls12);
  // A client that comes back within the hours of a ticket needs no private-key
  // operation, and nothing is kept for it here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, hours_of_a_ticket * 3600);
  SSL_CTX_set_session_id_context(
      context, reinterpret_cast<const unsigned char*>(session_id.data()),
      session_id.size());
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

bool take_client_ca(SSL_CTX* context, const std::string& file) {
  auto* names = SSL_load_client_CA_file(file.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return false;
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     nullptr);
  return true;
}

}  // namespace

void tls_context::context_end::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

std::shared_ptr<const tls_context> tls_context::load(const tls_files& files,
                                                     tls_problem& problem) {
  using part = tls_problem::part;
  ERR_clear_error();
  std::shared_ptr<tls_context> result(new tls_context);
  result->context_.reset(SSL_CTX_new(TLS_server_method()));
  auto* context = result->native();
  const auto failed = [&](part where) {
    problem = {where, complaint()};
    return nullptr;
  };
  if (context == nullptr) return failed(part::certificate);
  set_rules(context);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) !=
      1)
    return failed(part::certificate);
  bool locked = false;
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context, &locked);
  // Compares it with the certificate, too.
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(),
                                  SSL_FILETYPE_PEM) != 1) {
    failed(part::key);
    if (locked) problem.text = "the key is locked with a passphrase";
    return nullptr;
  }
  if (!files.client_ca.empty() && !take_client_ca(context, files.client_ca))
    return failed(part::client_ca);
  result->expires_ =
      time_of(X509_get0_notAfter(SSL_CTX_get0_certificate(context)));
  return result;
}

std::string_view kernel_tls_obstacle() {
#ifdef OPENSSL_NO_KTLS
  return "OpenSSL was built without it";
#else
  // The kernel looks for the protocol before it looks at the connection.
  static const bool known = [] {
    constexpr std::string_view name = "tls";
    const unique_fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::setsockopt(probe.value(), IPPROTO_TCP, TCP_ULP, name.data(),
                        name.size()) == 0 ||
           errno == ENOTCONN;
  }();
  return known ? "" : "the kernel does not have it";
#endif
}

}  // namespace status2::transport
