#include "transport/accept_key.hpp"

#include <array>
#include <memory>
#include <openssl/evp.h>
#include <stdexcept>

namespace status2::transport {

std::string accept_key(std::string_view client_key) {
  constexpr std::size_t digest_size = 20;
  constexpr std::size_t base64_size = 28;
  constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  // Looking the digest up and making a context take longer than the digest.
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(
      EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::array<unsigned char, digest_size> digest;
  if (sha1 == nullptr || context == nullptr ||
      EVP_DigestInit_ex2(context.get(), sha1, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), client_key.data(), client_key.size()) !=
          1 ||
      EVP_DigestUpdate(context.get(), guid.data(), guid.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1)
    throw std::runtime_error("OpenSSL has no SHA-1");
  std::array<unsigned char, base64_size + 1> encoded;
  EVP_EncodeBlock(encoded.data(), digest.data(), digest_size);
  return {encoded.begin(), encoded.begin() + base64_size};
}

}  // namespace status2::transport
