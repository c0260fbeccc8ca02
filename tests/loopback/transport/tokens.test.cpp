// Tokens at the door and in sessions, with a real socket.
#include "tests/support/event_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/listener_requests.hpp"
#include "tests/support/token_maker.hpp"
#include "transport/client_session.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <caf/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using transport::token_authority;
using transport::token_fault;
using kind = signing_key::kind;

namespace {

transport::token_rules rules_of(const std::string& file) {
  return {transport::read_token_keys(file).keys, {}, {}};
}

/// Seconds by which a token may be too old: it has two left.
constexpr auto two_left = 2s - transport::token_leeway;

struct fixture {
  signing_key key{kind::es256, "a"};
  std::shared_ptr<token_authority> tokens =
      std::make_shared<token_authority>(rules_of(key.jwk()), "status_token");
  std::string good = key.token(claims(60s, {"run:*"}));

  transport_options options() const {
    transport_options all;
    all.session.ping_interval = 1h;
    all.listener.tokens = tokens;
    return all;
  }
  static std::string bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
  }
  static http_response opened(const transport_server& server,
                              const std::string& target,
                              const std::string& headers = {}) {
    return answer_to(server, upgrade(target, headers));
  }
  static std::string ticket_of(const http_response& answer) {
    CAF_REQUIRE_EQUAL(answer.status, 200u);
    return std::string(
        boost::json::parse(answer.body).at("ticket").as_string());
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(tokens_tests, fixture)

CAF_TEST(each_carrier_opens_a_channel) {
  transport_server server(options());
  for (const auto& headers :
       {bearer(good),
        "Sec-WebSocket-Protocol: status2.v1, status2.bearer." + good + "\r\n",
        "Cookie: x=1; status_token=" + good + "\r\n"})
    CAF_CHECK_EQUAL(opened(server, "/run:log", headers).status, 101u);
  const auto ticket =
      ticket_of(asked(server, "POST", "/v1/tickets", bearer(good)));
  CAF_CHECK_EQUAL(opened(server, "/run:log?ticket=" + ticket).status, 101u);
}

CAF_TEST(the_subprotocol_with_the_token_is_not_answered) {
  transport_server server(options());
  const auto protocol = [&](const std::string& offered) {
    return opened(server, "/run:log",
                  "Sec-WebSocket-Protocol: " + offered + "\r\n")
        .header("sec-websocket-protocol")
        .value_or("");
  };
  CAF_CHECK_EQUAL(protocol("status2.bearer." + good + ", status2.v1"),
                  "status2.v1");
  CAF_CHECK_EQUAL(protocol("status2.bearer." + good), "");
}

CAF_TEST(without_a_good_token_it_is_401_and_says_how) {
  transport_server server(options());
  const auto none = opened(server, "/run:log");
  CAF_CHECK_EQUAL(none.status, 401u);
  CAF_CHECK(none.header("www-authenticate") == "Bearer");
  const auto expired = key.token(claims(-31s, {"run:*"}));
  const auto wrong = opened(server, "/run:log", bearer(expired));
  CAF_CHECK_EQUAL(wrong.status, 401u);
  CAF_CHECK(wrong.header("www-authenticate") == "Bearer");
  // The first carrier counts, though another one would do.
  CAF_CHECK_EQUAL(opened(server, "/run:log",
                         bearer("x") + "Cookie: status_token=" + good + "\r\n")
                      .status,
                  401u);
  const auto refusals = server.refusals();
  CAF_REQUIRE_EQUAL(refusals.size(), 3u);
  CAF_CHECK_EQUAL(refusals[0].detail, "the request carries no token");
  CAF_CHECK_EQUAL(refusals[1].detail, "the token has expired");
  const auto& counters = server.listener_counters().tokens_refused;
  const auto count = [&](token_fault why) {
    return counters[static_cast<std::size_t>(why)].value();
  };
  CAF_CHECK_EQUAL(count(token_fault::missing), 1);
  CAF_CHECK_EQUAL(count(token_fault::expired), 1);
  CAF_CHECK_EQUAL(count(token_fault::malformed), 1);
}

CAF_TEST(a_channel_that_the_token_does_not_list_is_403) {
  transport_server server(options());
  const auto answer = opened(server, "/other:log", bearer(good));
  CAF_CHECK_EQUAL(answer.status, 403u);
  CAF_CHECK(server.refusals().at(0).why == transport::refusal::token_channel);
}

CAF_TEST(an_event_stream_needs_a_token_too) {
  transport_server server(options());
  const auto stream = "Accept: text/event-stream\r\n";
  CAF_CHECK_EQUAL(asked(server, "GET", "/run:log", stream).status, 401u);
  CAF_CHECK_EQUAL(
      asked(server, "GET", "/other:log", stream + bearer(good)).status, 403u);
  event_source by_header(server.port(), "/run:log", bearer(good));
  CAF_CHECK_EQUAL(by_header.answer().status, 200u);
  event_source by_cookie(server.port(), "/run:log",
                         "Origin: https://page.example\r\n"
                         "Cookie: status_token=" +
                             good + "\r\n");
  CAF_CHECK_EQUAL(by_cookie.answer().status, 200u);
  CAF_CHECK(by_cookie.answer().header("access-control-allow-credentials") ==
            "true");
}

CAF_TEST(a_ticket_is_good_once) {
  transport_server server(options());
  const auto made = asked(server, "POST", "/v1/tickets", bearer(good));
  const auto ticket = ticket_of(made);
  CAF_CHECK(made.header("cache-control") == "no-store");
  CAF_CHECK(made.body.ends_with(R"(,"expires_in":30})"
                                "\n"));
  CAF_CHECK_EQUAL(server.listener_counters().tickets_kept.value(), 1);
  CAF_CHECK_EQUAL(opened(server, "/run:log?ticket=" + ticket).status, 101u);
  CAF_CHECK_EQUAL(opened(server, "/run:log?ticket=" + ticket).status, 401u);
  CAF_CHECK_EQUAL(server.listener_counters().tickets_made.value(), 1);
  CAF_CHECK_EQUAL(server.listener_counters().tickets_kept.value(), 0);
  // It carries the claims of the token.
  const auto other =
      ticket_of(asked(server, "POST", "/v1/tickets", bearer(good)));
  CAF_CHECK_EQUAL(opened(server, "/other:log?ticket=" + other).status, 403u);
}

CAF_TEST(a_ticket_is_made_for_a_token_and_for_nothing_else) {
  transport_server server(options());
  CAF_CHECK_EQUAL(asked(server, "POST", "/v1/tickets").status, 401u);
  CAF_CHECK_EQUAL(
      asked(server, "POST", "/v1/tickets", bearer(good + "x")).status, 401u);
  const auto ticket =
      ticket_of(asked(server, "POST", "/v1/tickets", bearer(good)));
  CAF_CHECK_EQUAL(asked(server, "POST", "/v1/tickets?ticket=" + ticket).status,
                  401u);
  const auto read = asked(server, "GET", "/v1/tickets", bearer(good));
  CAF_CHECK_EQUAL(read.status, 405u);
  CAF_CHECK(read.header("allow") == "POST");
}

CAF_TEST(tickets_beyond_the_bound_are_503) {
  transport_server server(options());
  // Each keeps two thousand bytes of patterns; there is room for 4 MB.
  const auto large = key.token(claims(60s, {"run:" + std::string(2000, 'x')}));
  int made = 0;
  http_response last;
  do {
    last = asked(server, "POST", "/v1/tickets", bearer(large));
    made += last.status == 200 ? 1 : 0;
  } while (last.status == 200 && made < 3000);
  CAF_CHECK_EQUAL(last.status, 503u);
  CAF_CHECK(last.header("retry-after").has_value());
  CAF_CHECK_EQUAL(server.listener_counters().tickets_kept.value(), made);
}

CAF_TEST(a_page_of_an_allowed_origin_may_make_tickets) {
  auto all = options();
  all.listener.allowed_origins =
      transport::origin_rules({"https://page.example"});
  transport_server server(all);
  const std::string page = "Origin: https://page.example\r\n";
  const auto asks = asked(server, "OPTIONS", "/v1/tickets",
                          page + "Access-Control-Request-Method: POST\r\n");
  CAF_CHECK_EQUAL(asks.status, 200u);
  CAF_CHECK(asks.header("access-control-allow-origin") ==
            "https://page.example");
  CAF_CHECK(asks.header("access-control-allow-headers") == "authorization");
  for (const auto& token : {good, std::string("wrong")}) {
    const auto answer =
        asked(server, "POST", "/v1/tickets", page + bearer(token));
    CAF_CHECK_EQUAL(answer.status, token == good ? 200u : 401u);
    CAF_CHECK(answer.header("access-control-allow-origin") ==
              "https://page.example");
  }
  for (const auto* method : {"OPTIONS", "POST"})
    CAF_CHECK_EQUAL(asked(server, method, "/v1/tickets",
                          "Origin: https://other.example\r\n" + bearer(good))
                        .status,
                    403u);
}

CAF_TEST(without_keys_nothing_of_this_is_there) {
  auto all = options();
  all.listener.tokens = nullptr;
  transport_server server(all);
  viewer client(server.port(), "run:log");
  CAF_CHECK_EQUAL(asked(server, "POST", "/v1/tickets").status, 400u);
  client.send_text(R"({"type":"auth","token":"x"})");
  // The next frame answers the init, and nothing the auth.
  client.init();
  const auto answer = client.next();
  CAF_REQUIRE(answer);
  CAF_CHECK_EQUAL(answer->text, ping_text);
  client.send_text(R"({"token":")");
  CAF_CHECK(eventually(patience, [&] { return !server.malformed().empty(); }));
  CAF_CHECK(server.malformed().at(0) == R"({"token":")");
}

CAF_TEST(a_header_full_of_token_is_read_up_to_the_limit) {
  transport_server server(options());
  const auto with_size = [&](std::size_t pattern) {
    return opened(
        server, "/run:log",
        bearer(key.token(claims(60s, {"run:*", std::string(pattern, 'x')}))));
  };
  CAF_CHECK_EQUAL(with_size(5700).status, 101u);
  CAF_CHECK_EQUAL(with_size(6000).status, 431u);
  // As wide, and wrong in each part.
  for (const auto& text :
       {std::string(7900, 'e'), std::string(7900, '.'),
        std::string(2600, 'e') + "." + std::string(2600, 'e') + "." +
            std::string(2600, 'e'),
        unsigned_token(R"({"alg":")" + std::string(5000, 'x') + R"("})", "")})
    CAF_CHECK_EQUAL(opened(server, "/run:log", bearer(text)).status, 401u);
}

CAF_TEST(a_token_that_expires_closes_its_session_with_4401) {
  transport_server server(options());
  const auto headers = bearer(key.token(claims(two_left, {"run:*"})));
  viewer client(server.port(), "run:log", {headers});
  event_source stream(server.port(), "/run:log", headers);
  viewer stays(server.port(), "run:log", {bearer(good)});
  CAF_CHECK_EQUAL(client.close_code(), 4401);
  CAF_CHECK(stream.ended());
  CAF_CHECK(server.closed().reason == transport::close_reason::token_expired);
  CAF_CHECK(stays.live());
}

CAF_TEST(auth_renews_a_token_in_place) {
  transport_server server(options());
  viewer client(server.port(), "run:log",
                {bearer(key.token(claims(two_left, {"run:*"})))});
  viewer marker(server.port(), "run:log",
                {bearer(key.token(claims(two_left, {"run:*"})))});
  client.send_text(R"({"type":"auth","token":")" + good + R"("})");
  CAF_CHECK_EQUAL(client.next_message(), R"({"type":"auth","ok":true})");
  CAF_CHECK_EQUAL(server.session_counters().tokens_renewed.value(), 1);
  // Its first token would have ended with the marker's.
  CAF_CHECK_EQUAL(marker.close_code(), 4401);
  CAF_CHECK(client.live());
}

CAF_TEST(a_bad_renewal_is_answered_and_the_token_stays) {
  transport_server server(options());
  viewer client(server.port(), "run:log", {bearer(good)});
  const auto answer_to_token = [&](const std::string& token) {
    client.send_text(R"({"type":"auth","token":")" + token + R"("})");
    return client.next_message();
  };
  CAF_CHECK_EQUAL(answer_to_token("x"),
                  R"({"type":"auth","ok":false,"reason":"malformed"})");
  CAF_CHECK_EQUAL(answer_to_token(key.token(claims(60s, {"other:*"}))),
                  R"({"type":"auth","ok":false,"reason":"channel"})");
  client.send_text(R"({"type":"auth"})");
  CAF_CHECK_EQUAL(client.next_message(),
                  R"({"type":"auth","ok":false,"reason":"malformed"})");
  CAF_CHECK(client.live());
  CAF_CHECK(eventually(patience,
                       [&] { return server.tokens_refused().size() == 3; }));
  CAF_CHECK(server.tokens_refused().at(1) == token_fault::channel);
}

CAF_TEST(renewals_cost_the_allowance_of_ten_frames) {
  auto all = options();
  all.session.message_rate = 1;
  all.session.message_burst = 40;
  transport_server server(all);
  viewer client(server.port(), "run:log", {bearer(good)});
  for (int i = 0; i < 5; ++i)
    client.send_text(R"({"type":"auth","token":"x"})");
  CAF_CHECK_EQUAL(client.close_code(), 1008);
  CAF_CHECK(server.closed().reason == transport::close_reason::message_rate);
}

CAF_TEST(a_malformed_message_with_a_token_is_not_told) {
  transport_server server(options());
  viewer client(server.port(), "run:log", {bearer(good)});
  client.send_text(R"({"type":"auth","token":")" + good);
  CAF_CHECK(eventually(patience, [&] { return !server.malformed().empty(); }));
  CAF_CHECK(server.malformed().at(0) == "");
}

CAF_TEST(a_key_that_is_gone_closes_its_own_viewers_alone) {
  const signing_key other(kind::hs256, "b");
  tokens->replace(rules_of(jwk_set({key.jwk(), other.jwk()})));
  transport_server server(options());
  std::vector<viewer> leaving;
  for (int i = 0; i < 10; ++i)
    leaving.emplace_back(server.port(), "run:log",
                         viewer_options{bearer(good)});
  viewer stays(server.port(), "run:log",
               {bearer(other.token(claims(60s, {"run:*"})))});
  CAF_CHECK(stays.live());
  tokens->replace(rules_of(other.jwk()));
  for (auto& client : leaving)
    CAF_CHECK_EQUAL(client.close_code(), 4401);
  for (const auto& report : server.reports())
    CAF_CHECK(report.reason == transport::close_reason::token_revoked);
  CAF_CHECK(stays.live());
  CAF_CHECK_EQUAL(opened(server, "/run:log", bearer(good)).status, 401u);
}

CAF_TEST(the_same_kid_with_a_new_key_closes_the_viewers_of_the_old_one) {
  transport_server server(options());
  viewer client(server.port(), "run:log", {bearer(good)});
  const signing_key next(kind::es256, "a");
  tokens->replace(rules_of(next.jwk()));
  CAF_CHECK_EQUAL(client.close_code(), 4401);
  CAF_CHECK_EQUAL(opened(server, "/run:log", bearer(good)).status, 401u);
  CAF_CHECK_EQUAL(
      opened(server, "/run:log", bearer(next.token(claims(60s, {"run:*"}))))
          .status,
      101u);
}

CAF_TEST(handshakes_during_swaps_are_judged_by_one_set_of_keys) {
  const signing_key other(kind::hs256, "b");
  const auto both = jwk_set({key.jwk(), other.jwk()});
  tokens->replace(rules_of(both));
  transport_server server(options());
  const auto by_other = bearer(other.token(claims(60s, {"run:*"})));
  std::atomic<bool> done{false};
  std::thread swapper([&] {
    while (!done) {
      tokens->replace(rules_of(other.jwk()));
      tokens->replace(rules_of(both));
    }
  });
  for (int i = 0; i < 50; ++i) {
    // This key stays, the other one comes and goes.
    CAF_CHECK_EQUAL(opened(server, "/run:log", by_other).status, 101u);
    const auto status = opened(server, "/run:log", bearer(good)).status;
    CAF_CHECK(status == 101 || status == 401);
  }
  done = true;
  swapper.join();
}

CAF_TEST_FIXTURE_SCOPE_END()
