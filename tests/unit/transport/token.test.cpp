// Which tokens are good, by whom, until when and for what.
#include "transport/token.hpp"

#include "tests/support/token_maker.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <string>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using transport::token_fault;
using kind = signing_key::kind;

namespace {

/// A moment that tokens of these tests are judged at: 1,000,000,000 s.
const transport::wall_time now{1'000'000'000s};
const std::string good = R"({"exp":1000000100,"status2":["run42:*","*:log"]})";

transport::token_rules rules_of(const std::string& file) {
  auto read = transport::read_token_keys(file);
  CAF_REQUIRE_EQUAL(read.error, "");
  return {std::move(read.keys), {}, {}};
}

transport::token_verdict judged(const std::string& token,
                                const transport::token_rules& rules,
                                transport::wall_time when = now) {
  return transport::judge_token(token, rules, when);
}

/// The label of the fault; empty: the token is good.
std::string fault(const std::string& token, const transport::token_rules& rules,
                  transport::wall_time when = now) {
  const auto verdict = judged(token, rules, when);
  return verdict.fault ? std::string(describe(*verdict.fault).label) : "";
}

/// The same for claims that are signed rightly.
std::string fault_of_claims(const std::string& text,
                            transport::wall_time when = now) {
  static const signing_key key(kind::hs256);
  return fault(key.token(text), rules_of(key.jwk()), when);
}

std::string with_expiry(const std::string& number) {
  return R"({"status2":["*"],"exp":)" + number + "}";
}

}  // namespace

CAF_TEST(each_algorithm_verifies_by_jwk_and_by_pem) {
  for (const auto what : {kind::hs256, kind::rs256, kind::es256, kind::eddsa}) {
    const signing_key key(what, "a");
    CAF_MESSAGE(std::string(key.algorithm()));
    CAF_CHECK_EQUAL(fault(key.token(good), rules_of(key.jwk())), "");
    CAF_CHECK_EQUAL(fault(key.token(good), rules_of(jwk_set({key.jwk()}))), "");
    if (what != kind::hs256)
      CAF_CHECK_EQUAL(fault(key.token(good), rules_of(key.pem())), "");
    // By another key of the same kind it is wrong.
    CAF_CHECK_EQUAL(
        fault(signing_key(what, "a").token(good), rules_of(key.jwk())),
        "signature");
  }
}

CAF_TEST(a_good_token_says_what_it_opens_and_until_when) {
  const signing_key key(kind::es256, "a");
  const auto rules = rules_of(key.jwk());
  const auto verdict = judged(key.token(good), rules);
  CAF_CHECK(!verdict.fault);
  CAF_CHECK_EQUAL(verdict.claims.expires, 1'000'000'100);
  CAF_CHECK(verdict.claims.key == rules.keys[0].print());
  CAF_CHECK(verdict.claims.opens("run42:x"));
  CAF_CHECK(verdict.claims.opens("other:log"));
  CAF_CHECK(!verdict.claims.opens("run43:x"));
  CAF_CHECK_EQUAL(verdict.algorithm, "ES256");
  CAF_CHECK_EQUAL(verdict.key_id, "a");
}

CAF_TEST(none_is_never_an_algorithm) {
  const signing_key key(kind::hs256);
  const auto rules = rules_of(key.jwk());
  for (const auto* name : {"none", "None", "NONE", "nOnE", ""}) {
    const auto header = R"({"alg":")" + std::string(name) + R"("})";
    CAF_CHECK_EQUAL(fault(unsigned_token(header, good), rules), "algorithm");
    CAF_CHECK_EQUAL(fault(key.sign(header, good), rules), "algorithm");
  }
  CAF_CHECK_EQUAL(fault(unsigned_token("{}", good), rules), "algorithm");
  CAF_CHECK_EQUAL(fault(key.sign(R"({"alg":5})", good), rules), "malformed");
}

CAF_TEST(a_public_key_is_never_a_secret) {
  for (const auto what : {kind::rs256, kind::es256, kind::eddsa}) {
    const signing_key key(what);
    const auto token = unsigned_token(R"({"alg":"HS256"})", good);
    for (const auto& secret : {key.pem(), key.jwk()}) {
      CAF_CHECK_EQUAL(fault(with_hmac(token, secret), rules_of(key.pem())),
                      "algorithm");
      // Nor beside a key that is a secret.
      const signing_key other(kind::hs256);
      CAF_CHECK_EQUAL(fault(with_hmac(token, secret),
                            rules_of(jwk_set({key.jwk(), other.jwk()}))),
                      "signature");
    }
  }
}

CAF_TEST(the_algorithm_belongs_to_the_key) {
  const signing_key rsa(kind::rs256, "a");
  const signing_key secret(kind::hs256, "b");
  const auto rules = rules_of(jwk_set({rsa.jwk(), secret.jwk()}));
  // The right key, under the name of another algorithm that it could do.
  for (const auto* name : {"RS512", "PS256", "HS512", "ES256", "EdDSA"})
    CAF_CHECK_EQUAL(
        fault(rsa.sign(R"({"kid":"a","alg":")" + std::string(name) + R"("})",
                       good),
              rules),
        "algorithm");
  // A name of one key with the algorithm of the other.
  CAF_CHECK_EQUAL(
      fault(secret.sign(R"({"alg":"HS256","kid":"a"})", good), rules),
      "algorithm");
  CAF_CHECK_EQUAL(fault(rsa.sign(R"({"alg":"RS256","kid":"b"})", good), rules),
                  "algorithm");
}

CAF_TEST(a_header_that_is_critical_is_refused) {
  const signing_key key(kind::eddsa);
  const auto rules = rules_of(key.jwk());
  for (const auto* more :
       {R"(,"crit":["exp"])", R"(,"crit":["b64"],"b64":false)", R"(,"crit":[])",
        R"(,"crit":null)"})
    CAF_CHECK_EQUAL(
        fault(key.sign(R"({"alg":"EdDSA")" + std::string(more) + "}", good),
              rules),
        "critical");
}

CAF_TEST(keys_in_the_header_are_not_believed) {
  const signing_key key(kind::es256);
  const signing_key theirs(kind::es256);
  CAF_CHECK_EQUAL(
      fault(theirs.sign(R"({"alg":"ES256","jwk":)" + theirs.jwk() +
                            R"(,"jku":"https://attacker.example/"})",
                        good),
            rules_of(key.jwk())),
      "signature");
}

CAF_TEST(the_kid_selects_the_key) {
  const signing_key old_key(kind::es256, "old");
  const signing_key new_key(kind::es256, "new");
  const auto both = rules_of(jwk_set({old_key.jwk(), new_key.jwk()}));
  CAF_CHECK_EQUAL(fault(old_key.token(good), both), "");
  CAF_CHECK_EQUAL(fault(new_key.token(good), both), "");
  const auto rotated = rules_of(jwk_set({new_key.jwk()}));
  CAF_CHECK_EQUAL(fault(old_key.token(good), rotated), "key");
  CAF_CHECK_EQUAL(fault(new_key.token(good), rotated), "");
  // One key under the name of the other.
  CAF_CHECK_EQUAL(
      fault(old_key.sign(R"({"alg":"ES256","kid":"new"})", good), both),
      "signature");
  CAF_CHECK_EQUAL(fault(old_key.sign(R"({"alg":"ES256"})", good), both), "key");
}

CAF_TEST(a_key_without_a_name_takes_every_kid) {
  const signing_key first(kind::es256);
  const signing_key second(kind::es256);
  const auto rules = rules_of(first.pem() + second.pem());
  CAF_CHECK_EQUAL(rules.keys.size(), 2u);
  CAF_CHECK_EQUAL(fault(first.token(good), rules), "");
  CAF_CHECK_EQUAL(fault(second.token(good), rules), "");
  CAF_CHECK_EQUAL(
      fault(second.sign(R"({"alg":"ES256","kid":"any"})", good), rules), "");
}

CAF_TEST(the_same_kid_with_a_new_key_is_another_key) {
  const signing_key before(kind::rs256, "a");
  const signing_key after(kind::rs256, "a");
  CAF_CHECK_EQUAL(fault(before.token(good), rules_of(after.jwk())),
                  "signature");
  CAF_CHECK(rules_of(before.jwk()).keys[0].print() !=
            rules_of(after.jwk()).keys[0].print());
  // Neither a new name nor another form makes it another one.
  CAF_CHECK(rules_of(before.jwk()).keys[0].print() ==
            rules_of(before.pem()).keys[0].print());
}

CAF_TEST(clocks_may_differ_by_30_s) {
  const auto text = R"({"status2":["*"],"nbf":1000000000,"exp":1000000100})";
  CAF_CHECK_EQUAL(fault_of_claims(text, now - 31s), "too_early");
  CAF_CHECK_EQUAL(fault_of_claims(text, now - 30s), "");
  CAF_CHECK_EQUAL(fault_of_claims(text, now + 129s), "");
  CAF_CHECK_EQUAL(fault_of_claims(text, now + 130s), "expired");
}

CAF_TEST(an_expiry_may_be_beyond_every_timer) {
  for (const auto* number :
       {"9223372036854775807", "9223372036854775806", "9223372036854775808",
        "18446744073709551615", "99999999999999999999999", "1e18", "1e300",
        "9e18", "253402300800", "4611686018427387904"}) {
    const signing_key key(kind::hs256);
    const auto verdict =
        judged(key.token(with_expiry(number)), rules_of(key.jwk()));
    CAF_CHECK(!verdict.fault);
    CAF_CHECK(!transport::expired(verdict.claims.expires, now));
    CAF_CHECK(transport::time_left(verdict.claims.expires, now, 5s) == 5s);
  }
  for (const auto* number :
       {"-9223372036854775808", "-1", "0", "-1e300", "-1e18", "1e-300"})
    CAF_CHECK_EQUAL(fault_of_claims(with_expiry(number)), "expired");
  CAF_CHECK(transport::time_left(INT64_MIN, now, 5s) == 0s);
  CAF_CHECK(transport::time_left(1'000'000'000, now + 28s, 5s) == 2s);
  CAF_CHECK(transport::time_left(1'000'000'000, now, 5s) == 5s);
}

CAF_TEST(an_expiry_that_is_no_whole_number_is_rounded_down) {
  CAF_CHECK_EQUAL(fault_of_claims(with_expiry("1000000000.9"), now + 29s), "");
  CAF_CHECK_EQUAL(fault_of_claims(with_expiry("1000000000.9"), now + 30s),
                  "expired");
}

CAF_TEST(without_an_expiry_it_never_ends) {
  CAF_CHECK_EQUAL(fault_of_claims(R"({"status2":["*"]})"), "");
}

CAF_TEST(claims_of_a_wrong_type_are_refused) {
  for (const auto* text :
       {R"({"status2":["*"],"exp":"1000000100"})",
        R"({"status2":["*"],"exp":null})", R"({"status2":["*"],"nbf":[]})",
        R"({"status2":"*"})", R"({"status2":{}})", R"({"status2":["*",5]})",
        "[]", "5", "", "{", "\xff"})
    CAF_CHECK_EQUAL(fault_of_claims(text), "claims");
  CAF_CHECK_EQUAL(fault_of_claims("{}"), "no_channels");
}

CAF_TEST(issuer_and_audience_are_asked_for_if_they_are_set) {
  const signing_key key(kind::hs256);
  auto rules = rules_of(key.jwk());
  const auto fault_with = [&](const std::string& more) {
    return fault(key.token(R"({"status2":["*"])" + more + "}"), rules);
  };
  const std::string us = R"(,"iss":"us","aud":"status")";
  CAF_CHECK_EQUAL(fault_with(us), "");
  rules.issuer = "us";
  rules.audience = "status";
  CAF_CHECK_EQUAL(fault_with(us), "");
  CAF_CHECK_EQUAL(fault_with(R"(,"iss":"us","aud":["x","status"])"), "");
  CAF_CHECK_EQUAL(fault_with(R"(,"iss":"them","aud":"status")"), "issuer");
  CAF_CHECK_EQUAL(fault_with(R"(,"iss":["us"],"aud":"status")"), "issuer");
  CAF_CHECK_EQUAL(fault_with(R"(,"aud":"status")"), "issuer");
  CAF_CHECK_EQUAL(fault_with(R"(,"iss":"us","aud":["x",1])"), "audience");
  CAF_CHECK_EQUAL(fault_with(R"(,"iss":"us")"), "audience");
}

CAF_TEST(anything_but_three_parts_in_base64url_is_malformed) {
  const signing_key key(kind::hs256);
  const auto rules = rules_of(key.jwk());
  const auto token = key.token(good);
  for (const auto& text :
       {std::string(), std::string("."), std::string(".."), std::string("..."),
        token + ".x", "." + token, token.substr(0, token.rfind('.')),
        "=" + token, std::string(100'000, '.'), std::string(1000, 'e')})
    CAF_CHECK_EQUAL(fault(text, rules), "malformed");
  for (const auto& text :
       {token + "=", token + " ", token + "A", token + "AAAA",
        token.substr(0, token.size() - 4),
        token.substr(0, token.rfind('.') + 1), token + std::string(1, '\0')})
    CAF_CHECK_EQUAL(fault(text, rules), "signature");
  CAF_CHECK_EQUAL(fault(key.sign("[]", good), rules), "malformed");
}

CAF_TEST(a_signature_is_as_long_as_its_key_makes_it) {
  const signing_key ec(kind::es256);
  const signing_key ed(kind::eddsa);
  for (const auto* key : {&ec, &ed}) {
    const auto token = key->token(good);
    const auto start = token.substr(0, token.rfind('.') + 1);
    const auto rules = rules_of(key->jwk());
    for (const std::size_t size : {0U, 2U, 40U, 84U, 88U, 4000U})
      CAF_CHECK_EQUAL(fault(start + std::string(size, 'A'), rules),
                      "signature");
  }
}
