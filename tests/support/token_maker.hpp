/// Keys and tokens of a test's own, made with OpenSSL alone: what the broker's
/// library reads is not written by it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::support {

/// A key that signs tokens. Errors: throws if OpenSSL fails.
class signing_key {
 public:
  enum class kind { hs256, rs256, es256, eddsa };

  /// A new key; `id` is its `kid`, empty: none. `rsa_bits`: of RS256.
  explicit signing_key(kind what, std::string id = {},
                       unsigned rsa_bits = 2048);

  /// `HS256` and so on.
  std::string_view algorithm() const;
  const std::string& id() const { return id_; }
  /// Of HS256.
  const std::string& secret() const { return secret_; }

  /// The public key, for HS256 the secret, as a JWK. `more`: further members,
  /// each with a comma in front.
  std::string jwk(std::string_view more = {}) const;
  /// The public key in PEM; not for HS256.
  std::string pem() const;
  /// The private key in PEM; not for HS256.
  std::string private_pem() const;

  /// A token with this header and payload as they are, signed by this key,
  /// whatever algorithm the header says.
  std::string sign(std::string_view header, std::string_view payload) const;
  /// A token with a sound header.
  std::string token(std::string_view payload) const;

 private:
  std::string signature(std::string_view text) const;

  kind kind_;
  std::string id_;
  std::string secret_;
  std::shared_ptr<void> pair_;  ///< EVP_PKEY
};

/// `header.payload.` in base64url.
std::string unsigned_token(std::string_view header, std::string_view payload);

/// HMAC-SHA-256 of `token` under `secret`, as a third part.
std::string with_hmac(std::string_view token, std::string_view secret);

std::string jwk_set(const std::vector<std::string>& keys);

/// Claims with an expiry so far from now and these channels. `more`: further
/// members, each with a comma in front.
std::string claims(std::chrono::seconds from_now,
                   const std::vector<std::string>& channels,
                   std::string_view more = {});

}  // namespace status2::support
