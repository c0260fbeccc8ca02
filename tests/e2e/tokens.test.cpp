// Tokens as operators set them up and see them: settings, log, metrics and
// `status2 token explain`.
#include "tests/support/event_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/token_maker.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <caf/test/unit_test.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using kind = signing_key::kind;

namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct fixture {
  temporary_directory directory;
  signing_key key{kind::eddsa, "a"};
  std::string good = key.token(claims(60s, {"run:*"}));

  environment settings(environment more = {}) const {
    more.emplace("STATUS_JWT_KEY_FILE", directory.write("keys", key.jwk()));
    return more;
  }
  static std::string bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
  }
  outcome explained(const std::string& token, const std::string& channel,
                    environment more = {}) const {
    return run_status2({"token", "explain", channel}, settings(std::move(more)),
                       token + "\n");
  }
};

unsigned opened(broker_process& broker, const std::string& target,
                const std::string& headers) {
  return request(broker.port(), "GET", target,
                 std::string(upgrade_headers) + headers)
      .status;
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(tokens_tests, fixture)

CAF_TEST(a_token_opens_its_channels_until_it_expires) {
  stage s(settings());
  const auto short_token = key.token(claims(-28s, {"run:*"}));
  viewer client(s.broker.port(), "run:log", {bearer(good)});
  viewer leaves(s.broker.port(), "run:log", {bearer(short_token)});
  event_source stream(s.broker.port(), "/run:log",
                      "Accept: text/event-stream\r\n" + bearer(short_token));
  CAF_REQUIRE(client.live());
  s.redis.publish("run:log", "for you");
  CAF_CHECK_EQUAL(client.next_message(), status_text("for you"));
  CAF_CHECK_EQUAL(leaves.close_code(), 4401);
  CAF_CHECK(stream.ended());
  CAF_CHECK(s.broker.metric_becomes(
      R"(status2_sessions_closed_total{reason="token_expired"})", 2));
  CAF_CHECK(client.live());
}

CAF_TEST(what_is_refused_is_logged_and_counted_and_no_token_ever_is) {
  stage s(settings({{"STATUS_LOG_LEVEL", "debug"},
                    {"STATUS_JWT_COOKIE", "token"},
                    {"STATUS_ALLOWED_ORIGINS", "*"}}));
  auto& broker = s.broker;
  const auto expired = key.token(claims(-60s, {"run:*"}));
  const auto forged = signing_key(kind::eddsa, "a").token(claims(60s, {"*"}));
  CAF_CHECK_EQUAL(opened(broker, "/run:log", ""), 401u);
  CAF_CHECK_EQUAL(opened(broker, "/run:log", bearer(expired)), 401u);
  CAF_CHECK_EQUAL(
      opened(broker, "/run:log", "Cookie: token=" + forged + "\r\n"), 401u);
  CAF_CHECK_EQUAL(opened(broker, "/other:log", bearer(good)), 403u);
  CAF_CHECK_EQUAL(opened(broker, "/run:log?ticket=" + good, ""), 401u);
  const auto made =
      request(broker.port(), "POST", "/v1/tickets", bearer(good)).body;
  const std::string ticket(boost::json::parse(made).at("ticket").as_string());
  viewer client(broker.port(), "/run:log?ticket=" + ticket);
  CAF_CHECK_EQUAL(opened(broker, "/run:log?ticket=" + ticket, ""), 401u);
  client.send_text(R"({"type":"auth","token":")" + expired + R"("})");
  CAF_CHECK_EQUAL(client.next_message(),
                  R"({"type":"auth","ok":false,"reason":"expired"})");
  client.send_text(R"({"type":"auth","token":")" + good);
  CAF_CHECK(broker.logs("token refused"));
  CAF_CHECK(broker.logs("malformed client message"));
  CAF_CHECK(broker.logs("request refused"));
  const auto refused = broker.logged("request refused");
  CAF_CHECK_EQUAL(text_of(refused[0], "reason"), "token_missing");
  CAF_CHECK_EQUAL(text_of(refused[0], "error"), "the request carries no token");
  CAF_CHECK_EQUAL(
      broker.value(R"(status2_tokens_refused_total{reason="expired"})"), 2);
  CAF_CHECK_EQUAL(
      broker.value(R"(status2_tokens_refused_total{reason="signature"})"), 1);
  CAF_CHECK_EQUAL(
      broker.value(R"(status2_tokens_refused_total{reason="ticket"})"), 2);
  CAF_CHECK_EQUAL(
      broker.value(R"(status2_requests_refused_total{reason="token"})"), 4);
  CAF_CHECK_EQUAL(
      broker.value(R"(status2_requests_refused_total{reason="token_channel"})"),
      1);
  CAF_CHECK(broker.stop() == 0);
  for (const auto& line : broker.child().lines())
    for (const auto& secret : {good, expired, forged, ticket})
      for (const auto& part :
           {secret, secret.substr(0, 60), secret.substr(secret.size() - 40)})
        CAF_CHECK(!holds(line, part));
}

CAF_TEST(settings_that_do_not_go_together_stop_the_start) {
  const auto said = [&](environment variables) {
    const auto result = run_status2({"--check-config"}, std::move(variables));
    CAF_CHECK(result.exit_code == 2);
    return result.errors;
  };
  CAF_CHECK(holds(said(settings({{"STATUS_JWT_COOKIE", "token"}})),
                  "STATUS_JWT_COOKIE=token: needs STATUS_ALLOWED_ORIGINS too"));
  CAF_CHECK(holds(said(settings({{"STATUS_JWT_COOKIE", "a b"},
                                 {"STATUS_ALLOWED_ORIGINS", "*"}})),
                  "is no name of a cookie"));
  CAF_CHECK(holds(said({{"STATUS_JWT_KEY_FILE", "/nowhere"}}),
                  "STATUS_JWT_KEY_FILE=/nowhere: cannot be read"));
  CAF_CHECK(holds(said({{"STATUS_JWT_KEY_FILE",
                         directory.write("private", key.private_pem())}}),
                  "holds a private key"));
  const auto open_file = directory.write("open", key.jwk());
  std::filesystem::permissions(open_file, std::filesystem::perms::all);
  CAF_CHECK(holds(said({{"STATUS_JWT_KEY_FILE", open_file}}),
                  "every user of the machine can write to it"));
  // Without keys the others do nothing, and that is said.
  const auto ignored =
      run_status2({"--check-config"}, {{"STATUS_JWT_ISSUER", "us"}});
  CAF_CHECK(ignored.exit_code == 0);
  CAF_CHECK(holds(ignored.output, "STATUS_JWT_ISSUER"));
}

CAF_TEST(explain_says_whether_a_token_opens_a_channel_and_why) {
  const auto yes = explained(good, "run:log");
  CAF_CHECK(yes.exit_code == 0);
  CAF_CHECK(holds(yes.output, "run:log is opened by this token\n"));
  CAF_CHECK(holds(yes.output, R"(channels: "run:*")"));
  CAF_CHECK(holds(yes.output, R"(algorithm: "EdDSA")"));
  struct row {
    std::string token;
    std::string channel;
    std::string why;
  };
  for (const auto& [token, channel, why] :
       {row{good, "other:log", "the claim status2 does not list the channel"},
        row{key.token(claims(-60s, {"run:*"})), "run:log",
            "the token has expired"},
        row{"", "run:log", "the token is not three parts"},
        row{signing_key(kind::eddsa, "a").token(claims(60s, {"*"})), "run:log",
            "the signature is wrong"}}) {
    const auto no = explained(token, channel);
    CAF_CHECK(no.exit_code == 1);
    CAF_CHECK(holds(no.output, channel + " is not opened: " + why));
    CAF_CHECK(token.empty() || !holds(no.output + no.errors, token));
  }
  const auto elsewhere =
      explained(good, "run:log", {{"STATUS_ALLOWED_CHANNELS", "b:*"}});
  CAF_CHECK(elsewhere.exit_code == 1);
  CAF_CHECK(holds(elsewhere.output, "STATUS_ALLOWED_CHANNELS does not list"));
}

CAF_TEST(watch_carries_the_token_of_a_file) {
  stage s(settings());
  const auto file = directory.write("token", good + "\n");
  for (const bool events : {false, true}) {
    std::vector<std::string> command{status2_binary(), "watch", "--count", "1",
                                     "--token-file",   file};
    if (events) command.emplace_back("--sse");
    command.push_back("http://127.0.0.1:" + std::to_string(s.broker.port()) +
                      "/run:log");
    process watching({.command = command});
    CAF_REQUIRE(eventually(patience, [&] {
      s.redis.publish("run:log", "for you");
      return !watching.running();
    }));
    CAF_CHECK(watching.wait(patience) == 0);
    CAF_CHECK(watching.lines() == std::vector<std::string>{"for you"});
  }
}

CAF_TEST(explain_wants_a_channel_and_keys) {
  CAF_CHECK(explained(good, "nothing").exit_code == 2);
  CAF_CHECK(run_status2({"token", "explain", "run:log"}, {}, good).exit_code ==
            2);
  for (const auto& words : {std::vector<std::string>{"token"},
                            {"token", "explain"},
                            {"token", "make", "run:log"}})
    CAF_CHECK(run_status2(words, settings(), good).exit_code == 2);
}

CAF_TEST_FIXTURE_SCOPE_END()
