#include "redis/query_client.hpp"

#include "tests/support/loop_fixture.hpp"
#include "tests/support/resp.hpp"
#include "tests/support/scripted_server.hpp"

#include <caf/test/unit_test.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;
using status2::support::eventually;
using status2::support::loop_fixture;
using status2::support::scripted_server;
namespace resp = status2::support::resp;

namespace {

struct fixture : loop_fixture {
  struct outcome {
    std::vector<answer> answers;
    std::string error;
  };

  fixture() {
    settings.where = server.where();
    settings.timeout = 5s;
    server.answer("AUTH", "+OK\r\n");
    server.answer("PING", "+PONG\r\n");
    server.answer("ECHO", resp::text("echo"));
    server.answer("HANG", "");
  }
  query_client& client() {
    if (!client_) client_ = std::make_unique<query_client>(loop, settings);
    return *client_;
  }
  /// Asks without waiting for the outcome.
  std::shared_ptr<std::vector<outcome>> start(
      const query_client::commands& question) {
    auto outcomes = std::make_shared<std::vector<outcome>>();
    client().ask(question, [outcomes](const std::vector<answer>& answers,
                                      const std::string& error) {
      outcomes->push_back({answers, error});
    });
    CAF_CHECK(outcomes->empty());
    return outcomes;
  }
  outcome ask(const query_client::commands& question) {
    const auto outcomes = start(question);
    CAF_REQUIRE(runs_until([&] { return !outcomes->empty(); }));
    CAF_CHECK_EQUAL(outcomes->size(), 1u);
    return outcomes->front();
  }
  std::string error(const query_client::commands& question) {
    const auto result = ask(question);
    CAF_CHECK(result.answers.empty());
    return result.error;
  }
  /// A busy machine may need more than one try within the timeout.
  bool recovers() {
    return eventually(10s, [&] { return ask({{"PING"}}).error.empty(); });
  }
  /// A question and its answer: earlier events have happened by then.
  void settle() { CAF_CHECK_EQUAL(ask({{"PING"}}).error, ""); }

  scripted_server server{loop};
  query_settings settings;
  std::unique_ptr<query_client> client_;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(query_client_tests, fixture)

CAF_TEST(each_command_of_a_question_has_an_answer_and_errors_are_answers) {
  const auto result = ask({{"ECHO", "a"}, {"NO"}, {"PING"}});
  CAF_CHECK_EQUAL(result.error, "");
  CAF_REQUIRE_EQUAL(result.answers.size(), 3u);
  CAF_CHECK_EQUAL(result.answers[0].text, "echo");
  CAF_CHECK(result.answers[1].is(answer::type::error));
  CAF_CHECK_EQUAL(result.answers[2].text, "PONG");
}

CAF_TEST(the_connection_is_opened_by_the_first_question_and_stays_open) {
  client();
  loop.run_for(1ms);
  CAF_CHECK_EQUAL(server.connections(), 0u);
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(ask({{"PING"}}).error, "");
  CAF_CHECK_EQUAL(server.connections(), 1u);
}

CAF_TEST(questions_at_once_are_answered_in_their_order) {
  const auto first = start({{"ECHO", "a"}, {"PING"}});
  const auto second = start({{"NO"}});
  CAF_REQUIRE(runs_until([&] { return !second->empty(); }));
  CAF_REQUIRE(!first->empty());
  CAF_CHECK_EQUAL(first->front().answers.size(), 2u);
  CAF_CHECK(second->front().answers.at(0).is(answer::type::error));
  CAF_CHECK_EQUAL(server.connections(), 1u);
}

CAF_TEST(a_password_is_sent_first_with_its_user_if_there_is_one) {
  settings.password = "secret";
  CAF_CHECK_EQUAL(ask({{"PING"}}).error, "");
  CAF_CHECK(server.heard() ==
            (std::vector<std::string>{"AUTH secret", "PING"}));
  client_.reset();
  settings.user = "bob";
  CAF_CHECK_EQUAL(ask({{"PING"}}).answers.size(), 1u);
  CAF_CHECK_EQUAL(server.count("AUTH bob secret"), 1u);
}

CAF_TEST(a_refused_login_fails_the_question_and_the_next_one_logs_in_again) {
  settings.password = "secret";
  server.answer("AUTH", "-WRONGPASS invalid username-password pair\r\n");
  CAF_CHECK_EQUAL(error({{"PING"}}),
                  "login refused: WRONGPASS invalid username-password pair");
  server.answer("AUTH", "+OK\r\n");
  CAF_CHECK_EQUAL(ask({{"PING"}}).error, "");
}

CAF_TEST(an_error_never_holds_the_password) {
  settings.password = "secret";
  server.answer("AUTH",
                "-ERR unknown command 'AUTH', with args beginning with: "
                "'secr\r\n");
  CAF_CHECK_EQUAL(error({{"PING"}}), "login refused: ERR unknown command AUTH");
  server.answer("AUTH", "-ERR the word secret is wrong\r\n");
  CAF_CHECK_EQUAL(error({{"PING"}}),
                  "login refused: an error that repeats the password");
}

CAF_TEST(silence_fails_all_pending_questions_and_the_next_one_connects_anew) {
  settings.timeout = 100ms;
  const auto first = start({{"PING"}, {"HANG"}});
  const auto second = start({{"PING"}});
  CAF_REQUIRE(runs_until([&] { return !second->empty(); }));
  CAF_CHECK_EQUAL(first->at(0).error, "no answer in time");
  CAF_CHECK(first->at(0).answers.empty());
  CAF_CHECK_EQUAL(second->at(0).error, "no answer in time");
  CAF_CHECK(recovers());
  CAF_CHECK(server.connections() >= 2);
}

CAF_TEST(half_an_answer_is_no_answer) {
  settings.timeout = 100ms;
  server.answer("HANG", "*2\r\n$4\r\nhalf\r\n$4\r\nha");
  CAF_CHECK_EQUAL(error({{"HANG"}}), "no answer in time");
  CAF_CHECK(recovers());
}

CAF_TEST(a_lost_connection_fails_all_pending_questions) {
  const auto first = start({{"HANG"}});
  const auto second = start({{"PING"}});
  CAF_REQUIRE(runs_until([&] { return server.count("PING") == 1; }));
  server.drop();
  CAF_REQUIRE(runs_until([&] { return !second->empty(); }));
  CAF_CHECK(!first->at(0).error.empty());
  CAF_CHECK(!second->at(0).error.empty());
  CAF_CHECK_EQUAL(ask({{"PING"}}).error, "");
}

CAF_TEST(a_connection_lost_between_questions_is_opened_by_the_next_one) {
  settle();
  std::string why;
  client().lost = [&](const std::string& error) { why = error; };
  server.drop();
  CAF_REQUIRE(runs_until([&] { return !why.empty(); }));
  CAF_CHECK_EQUAL(ask({{"PING"}}).error, "");
  CAF_CHECK_EQUAL(server.connections(), 2u);
}

CAF_TEST(a_port_where_nobody_listens_fails_the_question) {
  server.leave();
  CAF_CHECK_EQUAL(error({{"PING"}}), "Connection refused");
}

CAF_TEST(bytes_that_are_not_resp_fail_the_question) {
  server.answer("PING", "HTTP/1.1 400 Bad Request\r\n");
  CAF_CHECK(error({{"PING"}}).starts_with("protocol error: "));
}

CAF_TEST(an_answer_without_end_fails_the_question) {
  server.answer("PING", "$100000000\r\n" +
                            std::string(answer_reader::most_bytes + 1, 'x'));
  CAF_CHECK_EQUAL(error({{"PING"}}), "protocol error: the answer is too large");
}

CAF_TEST(an_answer_that_nobody_asked_for_ends_the_connection) {
  server.answer("PING", "+PONG\r\n+PONG\r\n");
  std::string why;
  client().lost = [&](const std::string& error) { why = error; };
  CAF_CHECK_EQUAL(ask({{"PING"}}).error, "");
  CAF_REQUIRE(runs_until([&] { return !why.empty(); }));
  CAF_CHECK_EQUAL(why, "an answer that nobody asked for");
}

CAF_TEST(messages_after_a_subscribe_are_pushed) {
  server.answer("SUBSCRIBE", resp::list({resp::text("subscribe"),
                                         resp::text("c"), resp::number(1)}));
  std::vector<std::string> payloads;
  client().pushed = [&](const answer& push) {
    payloads.push_back(push.elements.at(2).text);
  };
  CAF_CHECK_EQUAL(ask({{"SUBSCRIBE", "c"}}).error, "");
  server.say(resp::texts({"message", "c", "a"}));
  server.say(resp::texts({"message", "c", "b"}));
  CAF_REQUIRE(runs_until([&] { return payloads.size() == 2; }));
  CAF_CHECK(payloads == (std::vector<std::string>{"a", "b"}));
}

CAF_TEST(a_closed_client_calls_nothing_and_may_ask_again) {
  const auto hung = start({{"HANG"}});
  CAF_REQUIRE(runs_until([&] { return server.count("HANG") == 1; }));
  client().close();
  const auto unopened = start({{"PING"}});
  client().close();
  settle();
  CAF_REQUIRE(runs_until([&] { return server.open() == 1; }));
  CAF_CHECK(hung->empty());
  CAF_CHECK(unopened->empty());
}

CAF_TEST(a_callback_may_ask_the_next_question) {
  std::string last;
  client().ask({{"PING"}}, [&](const auto&, const auto&) {
    client().ask({{"ECHO"}}, [&](const auto& answers, const auto&) {
      last = answers.at(0).text;
    });
  });
  CAF_REQUIRE(runs_until([&] { return last == "echo"; }));
}

CAF_TEST(a_callback_may_destroy_the_client) {
  bool called = false;
  for (const std::string word : {"PING", "HANG"}) {
    settings.timeout = 100ms;
    called = false;
    client().ask({{word}}, [&](const auto&, const auto&) {
      client_.reset();
      called = true;
    });
    const auto never = start({{word}});
    CAF_REQUIRE(runs_until([&] { return called && server.open() == 0; }));
    CAF_CHECK(never->empty());
  }
}

CAF_TEST(a_tls_file_that_cannot_be_used_fails_the_question) {
  tls_settings files;
  files.ca_file = "/nowhere.pem";
  settings.tls = make_tls_context(files);
  CAF_CHECK(error({{"PING"}}).starts_with("/nowhere.pem: "));
  CAF_CHECK_EQUAL(server.connections(), 0u);
}

CAF_TEST(a_server_that_does_not_speak_tls_fails_the_question) {
  settings.tls = make_tls_context({});
  server.answer("", "+OK\r\n");
  settings.timeout = 200ms;
  CAF_CHECK(!error({{"PING"}}).empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
