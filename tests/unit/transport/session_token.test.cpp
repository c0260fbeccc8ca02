// When a session has to go for its token, and how the token is renewed.
#include "transport/session_token.hpp"

#include "tests/support/token_maker.hpp"
#include "transport/token_authority.hpp"

#include <caf/test/unit_test.hpp>

#include <memory>
#include <string>
#include <thread>

using namespace status2;
using namespace status2::support;
using namespace status2::transport;
using namespace std::chrono_literals;
using kind = signing_key::kind;

namespace {

const wall_time now{1'000'000'000s};

token_rules rules_of(const std::string& file) {
  return {read_token_keys(file).keys, {}, {}};
}

std::string until(int seconds, const std::string& channels = "run:*") {
  return R"({"status2":[")" + channels + R"("],"exp":)" +
         std::to_string(1'000'000'000 + seconds) + "}";
}

struct fixture {
  signing_key a{kind::es256, "a"};
  signing_key b{kind::hs256, "b"};
  std::shared_ptr<token_authority> authority =
      std::make_shared<token_authority>(rules_of(jwk_set({a.jwk(), b.jwk()})));

  session_token session(const std::string& token) {
    const auto generation = authority->generation();
    const auto verdict = authority->judge(token, now);
    CAF_REQUIRE(!verdict.fault);
    return {authority, generation, verdict.claims, "run:log"};
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(session_token_tests, fixture)

CAF_TEST(a_session_goes_when_its_token_has_expired) {
  auto session = this->session(a.token(until(60)));
  CAF_CHECK(!session.judge(now + 89s));
  CAF_CHECK(session.judge(now + 90s) == close_reason::token_expired);
  // The wall clock may be set.
  CAF_CHECK(!session.judge(now));
  CAF_CHECK(session.until_look(now) == session_token::longest_look);
  CAF_CHECK(session.until_look(now + 88s) == 2s);
  CAF_CHECK(session.until_look(now + 100s) == 0s);
}

CAF_TEST(a_key_that_is_gone_takes_its_own_sessions_along) {
  auto by_a = session(a.token(until(60)));
  auto by_b = session(b.token(until(60)));
  authority->replace(rules_of(b.jwk()));
  CAF_CHECK(by_a.judge(now) == close_reason::token_revoked);
  CAF_CHECK(!by_b.judge(now));
  // The same key under another name is still there.
  authority->replace(rules_of(b.jwk(R"(,"kid":"c")")));
  CAF_CHECK(!by_b.judge(now));
  authority->replace(rules_of(signing_key(kind::hs256, "b").jwk()));
  CAF_CHECK(by_b.judge(now) == close_reason::token_revoked);
}

CAF_TEST(a_swap_between_the_verdict_and_the_session_is_noticed) {
  const auto generation = authority->generation();
  const auto verdict = authority->judge(a.token(until(60)), now);
  authority->replace(rules_of(b.jwk()));
  session_token late(authority, generation, verdict.claims, "run:log");
  CAF_CHECK(late.judge(now) == close_reason::token_revoked);
}

CAF_TEST(a_good_token_takes_the_place_of_the_old_one) {
  auto session = this->session(a.token(until(60)));
  CAF_CHECK(!session.renew(b.token(until(600)), now));
  CAF_CHECK(!session.judge(now + 500s));
  // From now on it belongs to the other key.
  authority->replace(rules_of(b.jwk()));
  CAF_CHECK(!session.judge(now));
}

CAF_TEST(a_bad_token_changes_nothing) {
  auto session = this->session(a.token(until(60)));
  const auto refused = [&](const std::string& token) {
    const auto fault = session.renew(token, now);
    return fault ? std::string(describe(*fault).label) : "";
  };
  CAF_CHECK_EQUAL(refused(""), "malformed");
  CAF_CHECK_EQUAL(refused(a.token(until(600, "other:*"))), "channel");
  CAF_CHECK_EQUAL(refused(a.token(until(-60))), "expired");
  CAF_CHECK_EQUAL(refused(signing_key(kind::es256, "a").token(until(600))),
                  "signature");
  CAF_CHECK(!session.judge(now + 89s));
  CAF_CHECK(session.judge(now + 90s) == close_reason::token_expired);
}

CAF_TEST(a_ticket_does_not_outlive_its_key_or_its_token) {
  const ticket_store::time_point start{};
  const auto claims = authority->judge(a.token(until(10)), now).claims;
  const auto first = authority->make_ticket(claims, start);
  const auto second = authority->make_ticket(claims, start);
  const auto third = authority->make_ticket(claims, start);
  CAF_CHECK_EQUAL(authority->tickets(), 3u);
  CAF_CHECK(!authority->take_ticket(*first, start, now).fault);
  CAF_CHECK(authority->take_ticket(*first, start, now).fault ==
            token_fault::ticket);
  CAF_CHECK(authority->take_ticket(*second, start, now + 40s).fault ==
            token_fault::expired);
  authority->replace(rules_of(b.jwk()));
  CAF_CHECK(authority->take_ticket(*third, start, now).fault ==
            token_fault::revoked);
}

CAF_TEST(keys_are_swapped_while_tokens_are_judged) {
  const auto both = jwk_set({a.jwk(), b.jwk()});
  const auto token = b.token(until(60));
  std::atomic<bool> done{false};
  std::thread swapper([&] {
    for (int i = 0; i < 200; ++i)
      authority->replace(rules_of(i % 2 == 0 ? b.jwk() : both));
    done = true;
  });
  // Key b is there all the time.
  std::size_t refused = 0;
  auto session = this->session(token);
  do {
    if (authority->judge(token, now).fault) ++refused;
    if (session.judge(now)) ++refused;
  } while (!done);
  swapper.join();
  CAF_CHECK_EQUAL(refused, 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
