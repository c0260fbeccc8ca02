// The chaos door: shut without a token, and what it does with one.
#include "tests/support/chaos_stage.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

CAF_TEST(without_a_token_the_door_does_not_exist) {
  stage s;
  CAF_CHECK_EQUAL(s.broker.get("/chaos/actors").status, 404u);
  CAF_CHECK_EQUAL(request(s.broker.port(), "POST", "/chaos/kill").status, 404u);
}

CAF_TEST(a_missing_or_wrong_token_is_401_and_logged) {
  chaos_stage s;
  const auto right = chaos_stage::chaos_token;
  for (const auto& token : {std::string(), right.substr(1), right + "!",
                            boost::to_upper_copy(right)})
    CAF_CHECK_EQUAL(s.ask("GET", "/chaos/actors", {}, token).status, 401u);
  CAF_CHECK_EQUAL(
      s.broker.value(R"(status2_requests_refused_total{reason="chaos_token"})"),
      4.0);
  CAF_REQUIRE(s.broker.logs("chaos access denied"));
  const auto line = s.broker.logged("chaos access denied")[0];
  CAF_CHECK_EQUAL(text_of(line, "level"), "WARN");
  CAF_CHECK_EQUAL(text_of(line, "action"), "/chaos/actors");
}

CAF_TEST(guesses_are_slowed_and_the_right_token_with_them) {
  chaos_stage s;
  unsigned last = 0;
  for (int i = 0; i < 100 && last != 429; ++i)
    last = s.ask("GET", "/chaos/actors", {}, "guess").status;
  CAF_CHECK_EQUAL(last, 429u);
  const auto late = s.ask("GET", "/chaos/actors");
  if (late.status == 429u) CAF_CHECK(late.header("retry-after") == "1");
  CAF_CHECK(eventually(
      patience, [&] { return s.ask("GET", "/chaos/actors").status == 200; }));
  // A flood of denials is a line a second.
  CAF_CHECK(s.broker.logged("chaos access denied").size() < 20);
}

CAF_TEST(a_page_is_refused_whatever_its_token) {
  chaos_stage s;
  const auto answer =
      request(s.broker.port(), "GET", "/chaos/actors",
              "Origin: http://localhost\r\nAuthorization: Bearer " +
                  chaos_stage::chaos_token + "\r\n");
  CAF_CHECK_EQUAL(answer.status, 403u);
}

CAF_TEST(the_token_is_looked_at_before_the_body) {
  chaos_stage s;
  tcp_client connection(s.broker.port());
  connection.send(
      "POST /chaos/kill HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
  CAF_CHECK_EQUAL(read_response(connection).status, 401u);
}

CAF_TEST(what_it_does_not_understand_changes_nothing) {
  chaos_stage s;
  CAF_CHECK_EQUAL(s.ask("POST", "/chaos/kill", "{}").status, 400u);
  CAF_CHECK_EQUAL(s.ask("POST", "/chaos/kill", "no json").status, 400u);
  CAF_CHECK_EQUAL(s.kill("nobody"), 404u);
  CAF_CHECK_EQUAL(s.harm_redis("burn", "1s"), 400u);
  CAF_CHECK_EQUAL(s.harm_redis("stall", "soon"), 400u);
  CAF_CHECK_EQUAL(s.harm_redis("stall", "2h"), 400u);
  CAF_CHECK_EQUAL(s.harm_redis("delay", "1s", 100000), 400u);
  CAF_CHECK_EQUAL(s.ask("DELETE", "/chaos/actors").status, 405u);
  CAF_CHECK_EQUAL(s.ask("GET", "/chaos/nothing").status, 404u);
  CAF_CHECK_EQUAL(s.ask("POST", "/chaos/kill", std::string(5000, ' ')).status,
                  413u);
  CAF_CHECK_EQUAL(s.broker.value("status2_chaos_uses_total"), 1.0);
}

CAF_TEST(the_tree_names_every_living_actor) {
  chaos_stage s;
  auto viewers = live_viewers(s.broker, "run:tree", 3);
  const auto root = s.tree();
  CAF_CHECK_EQUAL(text_of(root, "actor"), "supervisor");
  CAF_CHECK_EQUAL(s.actors("redis-link").size(), 1u);
  CAF_CHECK_EQUAL(s.actors("session:").size(), 3u);
  const auto subscribers = s.actors("subscriber:");
  CAF_REQUIRE_EQUAL(subscribers.size(), 1u);
  CAF_CHECK_EQUAL(text_of(subscribers[0], "actor"), "subscriber:run:tree");
  CAF_CHECK_EQUAL(subscribers[0].at("viewers").to_number<int>(), 3);
  CAF_CHECK(subscribers[0].at("live").as_bool());
}

CAF_TEST(each_use_is_logged_with_who_and_what) {
  chaos_stage s;
  CAF_CHECK_EQUAL(s.kill("redis-link"), 200u);
  CAF_REQUIRE(s.broker.logs("fault injected"));
  const auto line = s.broker.logged("fault injected")[0];
  CAF_CHECK_EQUAL(text_of(line, "level"), "WARN");
  CAF_CHECK_EQUAL(text_of(line, "action"), "kill");
  CAF_CHECK_EQUAL(text_of(line, "actor"), "redis-link");
  CAF_CHECK(text_of(line, "remote").starts_with("127.0.0.1:"));
  CAF_CHECK(s.broker.metric_becomes("status2_redis_up", 1));
}

CAF_TEST(what_changes_nothing_is_logged_as_well) {
  chaos_stage s;
  s.tree();
  CAF_CHECK_EQUAL(s.ask("POST", "/chaos/kill", "{}").status, 400u);
  CAF_CHECK_EQUAL(s.ask("POST", "/chaos/redis", "{}").status, 400u);
  CAF_CHECK_EQUAL(s.ask("DELETE", "/chaos/actors").status, 405u);
  CAF_CHECK_EQUAL(s.ask("GET", "/chaos/nothing").status, 404u);
  CAF_REQUIRE(s.broker.logs("chaos door asked", 5));
  const auto lines = s.broker.logged("chaos door asked");
  for (const auto& line : lines) {
    CAF_CHECK_EQUAL(text_of(line, "level"), "WARN");
    CAF_CHECK(text_of(line, "remote").starts_with("127.0.0.1:"));
  }
  CAF_CHECK_EQUAL(text_of(lines[0], "action"), "tree");
  CAF_CHECK_EQUAL(text_of(lines[0], "error"), "");
  CAF_CHECK_EQUAL(text_of(lines[1], "action"), "/chaos/kill");
  CAF_CHECK_EQUAL(text_of(lines[2], "action"), "/chaos/redis");
  CAF_CHECK_EQUAL(text_of(lines[4], "error"), "no such path");
  CAF_CHECK_EQUAL(s.broker.value("status2_chaos_uses_total"), 0.0);
}

CAF_TEST(the_command_line_speaks_to_it) {
  chaos_stage s;
  const environment where{
      {"STATUS_LISTEN_ADDR", "127.0.0.1:" + std::to_string(s.broker.port())},
      {"STATUS_CHAOS_TOKEN_FILE", s.token_file}};
  const auto tree = run_status2({"chaos", "tree"}, where);
  CAF_CHECK(tree.exit_code == 0);
  CAF_CHECK(tree.output.find(R"("actor":"redis-link")") != std::string::npos);
  CAF_CHECK(run_status2({"chaos", "kill", "redis-link"}, where).exit_code == 0);
  const auto nobody = run_status2({"chaos", "kill", "session:0"}, where);
  CAF_CHECK(nobody.exit_code == 1);
  CAF_CHECK(nobody.errors.find("no such actor lives") != std::string::npos);
  const auto delay = run_status2(
      {"chaos", "redis", "delay", "--ms", "1", "--for", "1s"}, where);
  CAF_CHECK(delay.exit_code == 0);
  const auto tokenless =
      run_status2({"chaos", "tree"},
                  {{"STATUS_LISTEN_ADDR", where.at("STATUS_LISTEN_ADDR")}});
  CAF_CHECK(tokenless.exit_code == 1);
  CAF_CHECK(s.broker.metric_becomes("status2_redis_up", 1));
}

CAF_TEST(an_empty_token_file_stops_the_start) {
  const temporary_directory directory;
  const auto outcome = run_status2(
      {"--check-config"},
      {{"STATUS_CHAOS_TOKEN_FILE", directory.write("token", "\n")}});
  CAF_CHECK(outcome.exit_code == 2);
  CAF_CHECK(outcome.errors.find("STATUS_CHAOS_TOKEN_FILE") !=
            std::string::npos);
}
