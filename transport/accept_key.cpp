#include "transport/accept_key.hpp"

#include <array>
#include <openssl/evp.h>
#include <stdexcept>

namespace status2::transport {

std::string accept_key(std::string_view client_key) {
  constexpr std::size_t digest_size = 20;
  constexpr std::size_t base64_size = 28;
  // Found once: OpenSSL's look-up takes longer than the digest.
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  std::string text(client_key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, digest_size> digest;
  if (sha1 == nullptr || EVP_Digest(text.data(), text.size(), digest.data(),
                                    nullptr, sha1, nullptr) != 1)
    throw std::runtime_error("OpenSSL has no SHA-1");
  std::array<unsigned char, base64_size + 1> encoded;
  EVP_EncodeBlock(encoded.data(), digest.data(), digest_size);
  return {encoded.begin(), encoded.begin() + base64_size};
}

}  // namespace status2::transport
