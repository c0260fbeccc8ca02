/// Certificate, key and rules of the TLS that clients are served with.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;

namespace status2::transport {

/// Paths of PEM files.
struct tls_files {
  std::string certificate;  ///< with its chain
  std::string key;
  std::string client_ca{};  ///< who may vouch for clients; empty: no client has
                            ///< to show a certificate
};

/// Why files are not usable.
struct tls_problem {
  enum class part : std::uint8_t { none, certificate, key, client_ca };
  part where = part::none;
  std::string text;  ///< one line, in OpenSSL's words
};

/// TLS 1.2 and 1.3 for `http/1.1`. Immutable. Thread: any.
class tls_context {
 public:
  /// Never asks for a passphrase. Blocks: reads the files. Errors: null and
  /// `problem`.
  static std::shared_ptr<const tls_context> load(const tls_files& files,
                                                 tls_problem& problem);

  /// When the certificate expires.
  std::chrono::system_clock::time_point expires() const { return expires_; }
  ssl_ctx_st* native() const { return context_.get(); }

 private:
  struct context_end {
    void operator()(ssl_ctx_st* context) const;
  };
  tls_context() = default;

  std::unique_ptr<ssl_ctx_st, context_end> context_;
  std::chrono::system_clock::time_point expires_;
};

/// Why the kernel does not encrypt for clients (kTLS), for the log; empty: it
/// does, with the ciphers that it knows.
std::string_view kernel_tls_obstacle();

}  // namespace status2::transport
