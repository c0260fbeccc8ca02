// Tokens and keys up to the library. The first byte says what the rest is: a
// token, the payload or the header of one that is signed rightly, a signature,
// or a file of keys.
#include "transport/token.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "transport/base64url.hpp"

#include <openssl/hmac.h>
#include <string>

using namespace status2;
using transport::base64url;

namespace {

constexpr std::string_view secret = "a secret of 32 bytes for a test ";

const transport::token_rules& rules() {
  static const transport::token_rules all{
      transport::read_token_keys(
          R"({"keys":[{"kty":"oct","kid":"s","k":")" + base64url(secret) +
          R"("},{"kty":"EC","crv":"P-256","kid":"e",)"
          R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
          R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
          R"({"kty":"OKP","crv":"Ed25519","kid":"d",)"
          R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})")
          .keys,
      {},
      {}};
  return all;
}

std::string signed_by_secret(std::string_view header,
                             std::string_view payload) {
  const auto text = base64url(header) + '.' + base64url(payload);
  std::string mac(32, '\0');
  unsigned size = 32;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &size);
  return text + '.' + base64url(mac);
}

void judge(std::string_view token) {
  const auto verdict = transport::judge_token(
      token, rules(), transport::wall_time{std::chrono::seconds{1000}});
  transport::time_left(verdict.claims.expires, {}, std::chrono::seconds{5});
  if (verdict.fault) return;
  fuzz::holds(verdict.algorithm == "HS256" || verdict.algorithm == "ES256" ||
                  verdict.algorithm == "EdDSA",
              "a good token has the algorithm of a key");
  fuzz::holds(verdict.claims.key != transport::key_print{},
              "a good token has a signer");
  fuzz::holds(
      !transport::expired(verdict.claims.expires,
                          transport::wall_time{std::chrono::seconds{1000}}),
      "a good token has not expired");
  static_cast<void>(verdict.claims.opens("run:log"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  fuzz::holds(rules().keys.size() == 3, "the keys are read");
  if (size == 0) return 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  switch (data[0]) {
    case 'p':
      judge(signed_by_secret(R"({"alg":"HS256","kid":"s"})", text));
      break;
    case 'h':
      judge(signed_by_secret(text, R"({"status2":["*"]})"));
      break;
    case 'e':
    case 'd':
    case 's':
      // A signature of any bytes, for each algorithm.
      judge(base64url(std::string(R"({"kid":")") + static_cast<char>(data[0]) +
                      R"(","alg":")" +
                      (data[0] == 'e'   ? "ES256"
                       : data[0] == 'd' ? "EdDSA"
                                        : "HS256") +
                      R"("})") +
            ".e30." + base64url(text));
      break;
    case 'k': {
      const auto read = transport::read_token_keys(text);
      fuzz::holds(read.error.empty() != read.keys.empty(),
                  "there are keys, or there is an error");
      break;
    }
    default:
      judge(text);
  }
  return 0;
}
