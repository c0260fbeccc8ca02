// What STATUS_JWT_KEY_FILE may hold.
#include "transport/token_keys.hpp"

#include "tests/support/token_maker.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2;
using namespace status2::support;
using kind = signing_key::kind;

namespace {

std::string error_of(const std::string& file) {
  const auto read = transport::read_token_keys(file);
  CAF_CHECK_EQUAL(read.error.empty(), !read.keys.empty());
  return read.error;
}

}  // namespace

CAF_TEST(each_kind_of_key_has_one_algorithm) {
  const signing_key rsa(kind::rs256, "r");
  const signing_key ec(kind::es256, "e");
  const signing_key ed(kind::eddsa, "d");
  const signing_key secret(kind::hs256, "s");
  const auto read = transport::read_token_keys(
      "\n " + jwk_set({rsa.jwk(), ec.jwk(), ed.jwk(), secret.jwk()}));
  CAF_REQUIRE_EQUAL(read.keys.size(), 4u);
  CAF_CHECK_EQUAL(name_of(read.keys[0].algorithm()), "RS256");
  CAF_CHECK_EQUAL(name_of(read.keys[1].algorithm()), "ES256");
  CAF_CHECK_EQUAL(name_of(read.keys[2].algorithm()), "EdDSA");
  CAF_CHECK_EQUAL(name_of(read.keys[3].algorithm()), "HS256");
  CAF_CHECK_EQUAL(read.keys[2].id(), "d");
  const auto pem =
      transport::read_token_keys("# ours\n" + rsa.pem() + ec.pem() + ed.pem());
  CAF_REQUIRE_EQUAL(pem.keys.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    CAF_CHECK(pem.keys[i].algorithm() == read.keys[i].algorithm());
    CAF_CHECK(pem.keys[i].print() == read.keys[i].print());
    CAF_CHECK_EQUAL(pem.keys[i].id(), "");
  }
}

CAF_TEST(a_jwk_may_say_what_it_is_for) {
  const signing_key key(kind::rs256);
  for (const auto* more :
       {R"(,"alg":"RS256","use":"sig")", R"(,"key_ops":["verify"])"})
    CAF_CHECK_EQUAL(error_of(key.jwk(more)), "");
  for (const auto* more :
       {R"(,"alg":"RS512")", R"(,"alg":"HS256")", R"(,"alg":"none")",
        R"(,"use":"enc")", R"(,"key_ops":["encrypt"])", R"(,"key_ops":5)"})
    CAF_CHECK_NOT_EQUAL(error_of(key.jwk(more)), "");
}

CAF_TEST(what_is_too_weak_or_private_is_refused) {
  CAF_CHECK_EQUAL(error_of(signing_key(kind::rs256, "", 1024).jwk()),
                  "the key is an RSA key of fewer than 2048 bits");
  CAF_CHECK_EQUAL(error_of(R"({"kty":"oct","k":"c2VjcmV0"})"),
                  "the key is a secret of fewer than 32 bytes");
  const std::string is_private =
      "holds a private key; the broker needs the public one";
  const signing_key key(kind::es256);
  CAF_CHECK_EQUAL(error_of(key.private_pem()), is_private);
  CAF_CHECK_EQUAL(error_of(key.jwk(R"(,"d":"AAAA")")), is_private);
  CAF_CHECK_EQUAL(error_of(jwk_set({key.jwk(), key.jwk(R"(,"d":"AAAA")")})),
                  is_private);
}

CAF_TEST(keys_of_a_set_that_cannot_be_used_are_left_out) {
  const signing_key key(kind::es256, "a");
  const auto read = transport::read_token_keys(
      jwk_set({R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})", key.jwk(),
               key.jwk(R"(,"use":"enc")"), "5", R"({"kty":"new"})"}));
  CAF_CHECK_EQUAL(read.error, "");
  CAF_CHECK_EQUAL(read.keys.size(), 1u);
  CAF_REQUIRE_EQUAL(read.skipped.size(), 4u);
  CAF_CHECK_EQUAL(read.skipped[1], "key 3 is not for verifying signatures");
}

CAF_TEST(a_file_without_a_key_is_an_error) {
  for (const auto* text :
       {"", "secret", "{", "[]", "{}", R"({"keys":5})", R"({"keys":[]})",
        R"({"keys":[{"kty":"oct","k":"AA"}]})", R"({"kty":"oct"})",
        R"({"kty":"oct","k":"!"})", R"({"kty":"OKP","crv":"Ed25519","x":"AA"})",
        R"({"kty":"OKP","crv":"X25519","x":"AA"})",
        R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})",
        R"({"kty":"RSA","n":"AA","e":"AQAB"})", "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"})
    CAF_CHECK_NOT_EQUAL(error_of(text), "");
}

CAF_TEST(at_most_16_keys_are_read) {
  const signing_key key(kind::hs256);
  CAF_CHECK_EQUAL(error_of(jwk_set(std::vector(16, key.jwk()))), "");
  CAF_CHECK_EQUAL(error_of(jwk_set(std::vector(17, key.jwk()))),
                  "holds more than 16 keys");
}
