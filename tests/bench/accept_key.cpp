#include "tests/bench/accept_key.hpp"

#include <array>
#include <openssl/evp.h>
#include <openssl/sha.h>

namespace status2::bench {

std::string accept_key(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(),
             nullptr);
  std::array<unsigned char, 4 * (SHA_DIGEST_LENGTH / 3 + 1) + 1> encoded{};
  const int size = EVP_EncodeBlock(encoded.data(), digest.data(),
                                   static_cast<int>(digest.size()));
  return {encoded.begin(), encoded.begin() + size};
}

}  // namespace status2::bench
