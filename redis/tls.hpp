/// TLS towards Redis: which certificates are trusted and shown, and how the
/// server's name is checked.
#pragma once

#include "redis/tls_settings.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace status2::redis {

/// Thread: any after make_tls_context().
struct tls_context {
  boost::asio::ssl::context context{boost::asio::ssl::context::tls_client};
  /// A file that could not be used, and why; connections fail with it.
  std::string error;
};

/// Reads the files. TLS 1.2 at least; the server's certificate is verified.
/// Blocks: on the files.
std::shared_ptr<tls_context> make_tls_context(const tls_settings& settings);

/// Makes `connection` ask for `host` and accept a certificate for `host` only.
/// Names and addresses count that the certificate lists as alternative names;
/// its common name does not.
/// Source: RFC 9525, section 2.
void expect_host(SSL* connection, const std::string& host);

/// Why `connection` refused the server's certificate; empty if it did not.
std::string certificate_problem(SSL* connection);

}  // namespace status2::redis
