#include "transport/token_keys.hpp"

#include "transport/base64url.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <cjose/util.h>
#include <new>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <utility>

namespace status2::transport {

namespace {

namespace json = boost::json;

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* what) const {
    Free(what);
  }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;

using owned_jwk = owned<cjose_jwk_t, cjose_jwk_release>;
using owned_jws = owned<cjose_jws_t, cjose_jws_release>;
using owned_pkey = owned<EVP_PKEY, EVP_PKEY_free>;
using owned_bio = owned<BIO, BIO_free>;
using owned_context = owned<EVP_MD_CTX, EVP_MD_CTX_free>;

constexpr std::size_t least_secret_bits = 256;
constexpr std::size_t least_rsa_bits = 2048;
constexpr std::string_view private_key =
    "holds a private key; the broker needs the public one";

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct freed_by_cjose {
  void operator()(char* text) const { cjose_get_dealloc()(text); }
};

std::string json_of(const cjose_jwk_t& key, bool with_secret) {
  const std::unique_ptr<char, freed_by_cjose> text(
      cjose_jwk_to_json(&key, with_secret, nullptr));
  if (!text) throw std::bad_alloc();
  return text.get();
}

}  // namespace

struct token_key::material {
  owned_jwk jwk;         ///< of cjose; or
  owned_pkey ed25519{};  ///< of OpenSSL
};

namespace {

struct key_result {
  std::shared_ptr<const token_key::material> what;
  token_algorithm algorithm = token_algorithm::hs256;
  std::string problem;  ///< empty: all is well
};

key_result problem(std::string text) {
  key_result result;
  result.problem = std::move(text);
  return result;
}

key_result found(token_algorithm algorithm, owned_jwk jwk) {
  key_result result;
  result.algorithm = algorithm;
  result.what = std::make_shared<const token_key::material>(
      token_key::material{std::move(jwk)});
  return result;
}

/// The one algorithm that a key of cjose is for.
key_result judged(owned_jwk key) {
  if (!key) return problem("is no key");
  const auto bits = cjose_jwk_get_keysize(key.get(), nullptr);
  switch (cjose_jwk_get_kty(key.get(), nullptr)) {
    case CJOSE_JWK_KTY_OCT:
      if (bits < least_secret_bits)
        return problem("is a secret of fewer than 32 bytes");
      return found(token_algorithm::hs256, std::move(key));
    case CJOSE_JWK_KTY_RSA:
      if (bits < least_rsa_bits)
        return problem("is an RSA key of fewer than 2048 bits");
      return found(token_algorithm::rs256, std::move(key));
    case CJOSE_JWK_KTY_EC:
      if (cjose_jwk_EC_get_curve(key.get(), nullptr) != CJOSE_JWK_EC_P_256)
        return problem("is on another curve than P-256");
      return found(token_algorithm::es256, std::move(key));
    default:
      return problem("is of an unknown type");
  }
}

key_result judged_ed25519(owned_pkey key) {
  if (!key) return problem("is no Ed25519 key");
  key_result result;
  result.algorithm = token_algorithm::eddsa;
  result.what = std::make_shared<const token_key::material>(
      token_key::material{nullptr, std::move(key)});
  return result;
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(*text);
}

/// Whether a JWK's `use` and `key_ops`, if any, allow to verify signatures.
bool verifies(const json::object& jwk) {
  if (const auto use = text_of(jwk, "use"); !use.empty() && use != "sig")
    return false;
  const auto* operations = jwk.if_contains("key_ops");
  if (operations == nullptr) return true;
  const auto* list = operations->if_array();
  return list != nullptr && std::ranges::count(*list, json::value("verify"));
}

key_result read_material(const json::object& jwk) {
  const auto type = text_of(jwk, "kty");
  if (jwk.contains("d")) return problem(std::string(private_key));
  if (type == "OKP") {
    if (text_of(jwk, "crv") != "Ed25519")
      return problem("is on another curve than Ed25519");
    const auto x = from_base64url(text_of(jwk, "x")).value_or("");
    return judged_ed25519(owned_pkey(EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size())));
  }
  // The name of a key is no part of it.
  json::object bare;
  for (const auto* name : {"kty", "k", "n", "e", "crv", "x", "y"})
    if (const auto* value = jwk.if_contains(name)) bare[name] = *value;
  const auto text = json::serialize(bare);
  return judged(owned_jwk(cjose_jwk_import(text.data(), text.size(), nullptr)));
}

key_result read_jwk(const json::value& value) {
  const auto* jwk = value.if_object();
  if (jwk == nullptr) return problem("is no JSON object");
  if (!verifies(*jwk)) return problem("is not for verifying signatures");
  auto key = read_material(*jwk);
  const auto algorithm = text_of(*jwk, "alg");
  if (key.problem.empty() && !algorithm.empty() &&
      algorithm != name_of(key.algorithm))
    return problem(
        "is for another algorithm than HS256, RS256, ES256 and "
        "EdDSA");
  return key;
}

void read_json(std::string_view text, token_keys_result& result) {
  boost::system::error_code error;
  const auto whole =
      json::parse(json::string_view(text.data(), text.size()), error);
  const auto* object = error ? nullptr : whole.if_object();
  if (object == nullptr) {
    result.error = "is no JSON object";
    return;
  }
  const auto* set = object->if_contains("keys");
  json::array alone;
  if (set == nullptr) alone.push_back(whole);
  const auto* keys = set == nullptr ? &alone : set->if_array();
  if (keys == nullptr) {
    result.error = "has a member keys that is no array";
    return;
  }
  std::size_t number = 0;
  for (const auto& one : *keys) {
    ++number;
    auto key = read_jwk(one);
    const bool is_private = key.problem == private_key;
    if (key.problem.empty()) {
      result.keys.emplace_back(text_of(one.get_object(), "kid"), key.algorithm,
                               std::move(key.what));
    } else if (set == nullptr || is_private) {
      result.error = (is_private ? "" : "the key ") + key.problem;
      return;
    } else {
      result.skipped.push_back("key " + std::to_string(number) + " " +
                               key.problem);
    }
  }
}

std::string number_of(const EVP_PKEY& key, const char* name, int size) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(&key, name, &number) != 1) return {};
  const owned<BIGNUM, BN_free> owner(number);
  std::string bytes(
      static_cast<std::size_t>(std::max(size, BN_num_bytes(number))), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  return bytes;
}

/// The JWK of a key from a PEM file.
key_result read_public_key(owned_pkey key) {
  if (!key) return problem("is no key");
  const auto text = [&](const char* name, int size) {
    return json::string(base64url(number_of(*key, name, size)));
  };
  json::object jwk;
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_ED25519:
      return judged_ed25519(std::move(key));
    case EVP_PKEY_RSA:
      jwk = {{"kty", "RSA"},
             {"n", text(OSSL_PKEY_PARAM_RSA_N, 0)},
             {"e", text(OSSL_PKEY_PARAM_RSA_E, 0)}};
      return read_material(jwk);
    case EVP_PKEY_EC: {
      std::array<char, 32> curve{};
      EVP_PKEY_get_group_name(key.get(), curve.data(), curve.size(), nullptr);
      if (std::string_view(curve.data()) != "prime256v1")
        return problem("is on another curve than P-256");
      constexpr int coordinate = 32;
      jwk = {{"kty", "EC"},
             {"crv", "P-256"},
             {"x", text(OSSL_PKEY_PARAM_EC_PUB_X, coordinate)},
             {"y", text(OSSL_PKEY_PARAM_EC_PUB_Y, coordinate)}};
      return read_material(jwk);
    }
    default:
      return problem("is of an unknown type");
  }
}

void read_pem(std::string_view text, token_keys_result& result) {
  const owned_bio file(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!file) throw std::bad_alloc();
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(file.get(), &name, &header, &data, &size) == 1) {
    const std::string kind(name);
    const unsigned char* at = data;
    owned_pkey key(kind == "PUBLIC KEY" ? d2i_PUBKEY(nullptr, &at, size)
                                        : nullptr);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
    if (kind.ends_with("PRIVATE KEY")) {
      result.error = private_key;
      return;
    }
    if (kind != "PUBLIC KEY") {
      result.error = "holds something else than PUBLIC KEY: " + kind;
      return;
    }
    auto found = read_public_key(std::move(key));
    if (!found.problem.empty()) {
      result.error = "a key " + found.problem;
      return;
    }
    result.keys.emplace_back(std::string(), found.algorithm,
                             std::move(found.what));
  }
  // The end of the file is an error to OpenSSL.
  ERR_clear_error();
}

key_print print_of(token_algorithm algorithm, const token_key::material& what) {
  std::string text(name_of(algorithm));
  if (what.ed25519) {
    std::array<unsigned char, 32> raw{};
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(what.ed25519.get(), raw.data(), &size);
    text.append(raw.begin(), raw.end());
  } else {
    text += json_of(*what.jwk, algorithm == token_algorithm::hs256);
  }
  key_print print{};
  SHA256(bytes_of(text), text.size(), print.data());
  OPENSSL_cleanse(text.data(), text.size());
  return print;
}

/// Bytes of a signature by a key. cjose reads as many without looking.
std::size_t signature_size(token_algorithm algorithm,
                           const token_key::material& key) {
  constexpr std::size_t bits_of_byte = 8;
  switch (algorithm) {
    case token_algorithm::hs256:
      return 32;
    case token_algorithm::rs256:
      return (cjose_jwk_get_keysize(key.jwk.get(), nullptr) + bits_of_byte -
              1) /
             bits_of_byte;
    default:
      return 64;
  }
}

/// The algorithm as cjose reads it from the header, by which it verifies.
std::string_view algorithm_of(cjose_jws_t& jws) {
  const char* name =
      cjose_header_get(cjose_jws_get_protected(&jws), CJOSE_HDR_ALG, nullptr);
  return name == nullptr ? std::string_view() : name;
}

}  // namespace

std::string_view name_of(token_algorithm algorithm) {
  switch (algorithm) {
    case token_algorithm::hs256:
      return "HS256";
    case token_algorithm::rs256:
      return "RS256";
    case token_algorithm::es256:
      return "ES256";
    case token_algorithm::eddsa:
      return "EdDSA";
  }
  return {};
}

token_key::token_key(std::string id, token_algorithm algorithm,
                     std::shared_ptr<const material> what)
    : id_(std::move(id)),
      algorithm_(algorithm),
      material_(std::move(what)),
      print_(print_of(algorithm, *material_)) {}

bool token_key::signed_by_this(std::string_view token) const {
  const auto dot = token.rfind('.');
  if (dot == std::string_view::npos) return false;
  const auto signature = from_base64url(token.substr(dot + 1));
  if (!signature || signature->size() != signature_size(algorithm_, *material_))
    return false;
  bool good = false;
  if (material_->ed25519) {
    const owned_context context(EVP_MD_CTX_new());
    good = context != nullptr &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                                material_->ed25519.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(*signature),
                            signature->size(), bytes_of(token), dot) == 1;
  } else {
    const owned_jws jws(cjose_jws_import(token.data(), token.size(), nullptr));
    good = jws != nullptr && algorithm_of(*jws) == name_of(algorithm_) &&
           cjose_jws_verify(jws.get(), material_->jwk.get(), nullptr);
  }
  // What failed is of no interest to the thread's next call.
  if (!good) ERR_clear_error();
  return good;
}

token_keys_result read_token_keys(std::string_view text) {
  token_keys_result result;
  constexpr std::string_view space = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
  if (text.starts_with('{'))
    read_json(text, result);
  else if (text.find("-----BEGIN ") != std::string_view::npos)
    read_pem(text, result);
  else
    result.error = "is neither PEM nor a JWK nor a JWK set";
  if (result.error.empty() && result.keys.empty()) {
    result.error = "holds no key that can be used";
    for (const auto& skipped : result.skipped)
      result.error += "; " + skipped;
  } else if (result.keys.size() > most_token_keys) {
    result.error = "holds more than 16 keys";
  }
  if (!result.error.empty()) result.keys.clear();
  return result;
}

}  // namespace status2::transport
