/// The keys that tokens are signed with, read from STATUS_JWT_KEY_FILE. cjose
/// reads JWKs and verifies signatures, apart from those of Ed25519, which it
/// does not know and OpenSSL verifies. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

/// The algorithm belongs to the key: a token cannot choose another one.
enum class token_algorithm : std::uint8_t { hs256, rs256, es256, eddsa };

/// As `alg` has it, such as `HS256`.
std::string_view name_of(token_algorithm algorithm);

/// SHA-256 of a key's algorithm and material. Two keys with the same `kid` have
/// different prints, and one key keeps its print if it is read again.
using key_print = std::array<unsigned char, 32>;

/// Thread: immutable, any thread.
class token_key {
 public:
  /// A key as cjose or OpenSSL keeps it.
  struct material;

  token_key(std::string id, token_algorithm algorithm,
            std::shared_ptr<const material> what);

  const std::string& id() const { return id_; }  ///< `kid`; empty: none
  token_algorithm algorithm() const { return algorithm_; }
  const key_print& print() const { return print_; }

  /// Whether the signature of `token`, a compact JWS, is by this key and
  /// algorithm.
  bool signed_by_this(std::string_view token) const;

 private:
  std::string id_;
  token_algorithm algorithm_;
  std::shared_ptr<const material> material_;
  key_print print_;
};

using token_keys = std::vector<token_key>;

/// More keys in a file are an error: a token without `kid` may be tried with
/// each of them.
inline constexpr std::size_t most_token_keys = 16;

struct token_keys_result {
  token_keys keys;  ///< at least one, unless `error` is set
  /// Keys of a JWK set that cannot be used, a line each, for a warning.
  std::vector<std::string> skipped;
  std::string error;  ///< what is wrong with the file; empty: all is well
};

/// Reads public keys in PEM (`PUBLIC KEY`, one or several), one JWK or a JWK
/// set. RSA keys have at least 2,048 bits and are for RS256, P-256 keys are for
/// ES256, Ed25519 keys for EdDSA, and secrets (`oct`) of at least 32 bytes for
/// HS256. A private key is an error: the broker only verifies.
/// Source: RFC 7517, RFC 7518 section 6, RFC 8037 section 2.
token_keys_result read_token_keys(std::string_view text);

}  // namespace status2::transport
