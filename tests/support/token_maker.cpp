#include "tests/support/token_maker.hpp"

#include "transport/base64url.hpp"

#include <array>
#include <memory>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace {

using transport::base64url;

template <class T>
T* good(T* what) {
  if (what == nullptr) throw std::runtime_error("OpenSSL failed");
  return what;
}

EVP_PKEY* key_of(const std::shared_ptr<void>& pair) {
  return static_cast<EVP_PKEY*>(pair.get());
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::shared_ptr<void> owned(EVP_PKEY* key) {
  return {good(key), [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); }};
}

std::string number(const std::shared_ptr<void>& pair, const char* name,
                   int size) {
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key_of(pair), name, &found) != 1)
    throw std::runtime_error("no such number");
  std::string bytes(
      static_cast<std::size_t>(std::max(size, BN_num_bytes(found))), '\0');
  BN_bn2binpad(found, reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  BN_free(found);
  return base64url(bytes);
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return text;
}

/// The two numbers of an ECDSA signature, 32 bytes each. Source: RFC 7518
/// section 3.4.
std::string plain_ecdsa(const std::string& der) {
  const auto* at = bytes_of(der);
  ECDSA_SIG* parts =
      good(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::string plain(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(plain.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(parts), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts), out + 32, 32);
  ECDSA_SIG_free(parts);
  return plain;
}

std::string hmac(std::string_view text, std::string_view secret) {
  std::string mac(32, '\0');
  unsigned size = 32;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       bytes_of(text), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &size);
  return mac;
}

}  // namespace

signing_key::signing_key(kind what, std::string id, unsigned rsa_bits)
    : kind_(what), id_(std::move(id)) {
  switch (what) {
    case kind::hs256:
      secret_.resize(32);
      RAND_bytes(reinterpret_cast<unsigned char*>(secret_.data()), 32);
      break;
    case kind::rs256:
      pair_ = owned(EVP_RSA_gen(rsa_bits));
      break;
    case kind::es256:
      pair_ = owned(EVP_EC_gen("P-256"));
      break;
    case kind::eddsa:
      pair_ = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
      break;
  }
}

std::string_view signing_key::algorithm() const {
  switch (kind_) {
    case kind::hs256:
      return "HS256";
    case kind::rs256:
      return "RS256";
    case kind::es256:
      return "ES256";
    case kind::eddsa:
      return "EdDSA";
  }
  return {};
}

std::string signing_key::jwk(std::string_view more) const {
  std::string text = "{";
  switch (kind_) {
    case kind::hs256:
      text += R"("kty":"oct","k":")" + base64url(secret_) + '"';
      break;
    case kind::rs256:
      text += R"("kty":"RSA","n":")" + number(pair_, OSSL_PKEY_PARAM_RSA_N, 0) +
              R"(","e":")" + number(pair_, OSSL_PKEY_PARAM_RSA_E, 0) + '"';
      break;
    case kind::es256:
      text += R"("kty":"EC","crv":"P-256","x":")" +
              number(pair_, OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" +
              number(pair_, OSSL_PKEY_PARAM_EC_PUB_Y, 32) + '"';
      break;
    case kind::eddsa: {
      std::string raw(32, '\0');
      std::size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(
          key_of(pair_), reinterpret_cast<unsigned char*>(raw.data()), &size);
      text += R"("kty":"OKP","crv":"Ed25519","x":")" + base64url(raw) + '"';
      break;
    }
  }
  if (!id_.empty()) text += R"(,"kid":")" + id_ + '"';
  text += more;
  return text + '}';
}

std::string signing_key::pem() const {
  BIO* memory = good(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(memory, key_of(pair_));
  return text_of(memory);
}

std::string signing_key::private_pem() const {
  BIO* memory = good(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(memory, key_of(pair_), nullptr, nullptr, 0, nullptr,
                           nullptr);
  return text_of(memory);
}

std::string signing_key::signature(std::string_view text) const {
  if (kind_ == kind::hs256) return hmac(text, secret_);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      good(EVP_MD_CTX_new()), &EVP_MD_CTX_free);
  const auto* digest = kind_ == kind::eddsa ? nullptr : EVP_sha256();
  std::size_t size = 0;
  EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_of(pair_));
  EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size());
  std::string bytes(size, '\0');
  if (EVP_DigestSign(context.get(),
                     reinterpret_cast<unsigned char*>(bytes.data()), &size,
                     bytes_of(text), text.size()) != 1)
    throw std::runtime_error("cannot sign");
  bytes.resize(size);
  return kind_ == kind::es256 ? plain_ecdsa(bytes) : bytes;
}

std::string signing_key::sign(std::string_view header,
                              std::string_view payload) const {
  const auto text = base64url(header) + '.' + base64url(payload);
  return text + '.' + base64url(signature(text));
}

std::string signing_key::token(std::string_view payload) const {
  auto header = R"({"alg":")" + std::string(algorithm()) + R"(","typ":"JWT")";
  if (!id_.empty()) header += R"(,"kid":")" + id_ + '"';
  return sign(header + '}', payload);
}

std::string unsigned_token(std::string_view header, std::string_view payload) {
  return base64url(header) + '.' + base64url(payload) + '.';
}

std::string with_hmac(std::string_view token, std::string_view secret) {
  const auto text = token.substr(0, token.rfind('.'));
  return std::string(text) + '.' + base64url(hmac(text, secret));
}

std::string jwk_set(const std::vector<std::string>& keys) {
  std::string text = R"({"keys":[)";
  for (const auto& key : keys)
    text += (text.ends_with('[') ? "" : ",") + key;
  return text + "]}";
}

std::string claims(std::chrono::seconds from_now,
                   const std::vector<std::string>& channels,
                   std::string_view more) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  std::string text = R"({"exp":)" + std::to_string((now + from_now).count()) +
                     R"(,"status2":[)";
  for (const auto& pattern : channels)
    text += (text.ends_with('[') ? "\"" : ",\"") + pattern + '"';
  text += ']';
  text += more;
  return text + '}';
}

}  // namespace status2::support
