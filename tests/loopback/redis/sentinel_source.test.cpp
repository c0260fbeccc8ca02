#include "redis/sentinel_source.hpp"

#include "tests/support/loop_fixture.hpp"
#include "tests/support/resp.hpp"
#include "tests/support/scripted_server.hpp"

#include <caf/test/unit_test.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;
using status2::support::eventually;
using status2::support::loop_fixture;
using status2::support::scripted_server;
namespace resp = status2::support::resp;

namespace {

using endpoints = std::vector<endpoint>;

const std::string get = "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster";
const std::string list = "SENTINEL SENTINELS mymaster";
const endpoint master_a{"10.0.0.1", 6379};
const endpoint master_b{"10.0.0.2", 6380};

std::string address(const endpoint& of) {
  return resp::texts({of.host, std::to_string(of.port)});
}

struct outcome {
  location where;
  std::string error;
};

struct fixture : loop_fixture {
  fixture() {
    for (auto* each : {&s1, &s2, &s3}) {
      settings.sentinels.push_back(each->where());
      each->answer(get, address(master_a));
      each->answer(list, "*0\r\n");
      each->answer("AUTH", "+OK\r\n");
      each->answer("SUBSCRIBE",
                   resp::list({resp::text("subscribe"),
                               resp::text("+switch-master"), resp::number(1)}));
    }
    settings.master_name = "mymaster";
    settings.timeout = 10s;
    settings.interval = 20ms;
  }
  ~fixture() {
    if (source_) source_->stop();
  }
  sentinel_source& source() {
    if (!source_) {
      source_ = std::make_shared<sentinel_source>(loop, settings);
      source_->moved = [this](const std::string& why, auto since) {
        moves.push_back(why);
        move_since = since;
      };
    }
    return *source_;
  }
  std::shared_ptr<std::vector<outcome>> start() {
    auto outcomes = std::make_shared<std::vector<outcome>>();
    source().locate(
        [outcomes](const location& where, const std::string& error) {
          outcomes->push_back({where, error});
        });
    CAF_CHECK(outcomes->empty());
    return outcomes;
  }
  outcome locate() {
    const auto outcomes = start();
    CAF_REQUIRE(runs_until([&] { return !outcomes->empty(); }));
    CAF_CHECK_EQUAL(outcomes->size(), 1u);
    return outcomes->front();
  }
  void finds(const endpoint& master) {
    const auto result = locate();
    CAF_CHECK_EQUAL(result.error, "");
    CAF_CHECK(result.where.endpoints == (endpoints{master}));
    CAF_CHECK(result.where.role == server_role::master);
  }
  /// A busy machine may need more than one try within the timeout.
  void finds_at_last(const endpoint& master) {
    CAF_CHECK(eventually(
        10s, [&] { return locate().where.endpoints == endpoints{master}; }));
  }
  std::string problem() {
    const auto result = locate();
    CAF_CHECK(result.where.endpoints.empty());
    return result.error;
  }
  /// The sentinels are asked another `rounds` times.
  void wait_for_questions(scripted_server& sentinel, std::size_t rounds = 2) {
    const auto before = sentinel.count(get);
    CAF_REQUIRE(
        runs_until([&] { return sentinel.count(get) >= before + rounds; }));
  }
  void announce(scripted_server& sentinel, const std::string& name) {
    sentinel.say(resp::texts(
        {"message", "+switch-master", name + " 10.0.0.1 6379 10.0.0.2 6380"}));
  }

  scripted_server s1{loop};
  scripted_server s2{loop};
  scripted_server s3{loop};
  sentinel_settings settings;
  std::shared_ptr<sentinel_source> source_;
  std::vector<std::string> moves;
  std::optional<endpoint_source::time_point> move_since;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(sentinel_source_tests, fixture)

CAF_TEST(the_first_sentinel_names_the_master_and_no_other_is_asked) {
  finds(master_a);
  finds(master_a);
  CAF_CHECK_EQUAL(s1.connections(), 1u);
  CAF_CHECK_EQUAL(s1.count(get), 2u);
  CAF_CHECK_EQUAL(s2.connections() + s3.connections(), 0u);
}

CAF_TEST(a_sentinel_that_refuses_hangs_or_lies_is_passed_over) {
  settings.timeout = 100ms;
  s1.leave();
  for (const std::string bytes :
       {"", "HTTP/1.1 400 Bad Request\r\n", "+OK\r\n", "*2\r\n$8\r\n10.0",
        "$-1\r\n", ":7\r\n", "*1000000000\r\n", "-NOAUTH no\r\n"}) {
    CAF_MESSAGE(bytes);
    source_.reset();
    s2.answer(get, bytes);
    finds_at_last(master_a);
    CAF_CHECK(source_->sentinels().front() == s3.where());
  }
}

CAF_TEST(a_sentinel_that_hangs_costs_its_timeout) {
  settings.timeout = 100ms;
  s1.answer(get, "");
  const auto start = std::chrono::steady_clock::now();
  finds_at_last(master_a);
  CAF_CHECK(std::chrono::steady_clock::now() - start >= 100ms);
  CAF_CHECK(source_->sentinels().front() != s1.where());
}

CAF_TEST(the_sentinel_that_answered_is_asked_first_the_next_time) {
  s1.leave();
  finds(master_a);
  CAF_CHECK(source().sentinels() ==
            (endpoints{s2.where(), s1.where(), s3.where()}));
  finds(master_a);
  CAF_CHECK_EQUAL(s2.count(get), 2u);
  CAF_CHECK_EQUAL(s2.connections(), 1u);
}

CAF_TEST(a_name_that_no_sentinel_knows_has_its_own_reason) {
  s1.answer(get, resp::nil_list);
  s2.answer(get, "-IDONTKNOW I have not enough information\r\n");
  s3.leave();
  const auto why = [](const scripted_server& who, const std::string& text) {
    return to_text(who.where()) + ": " + text;
  };
  CAF_CHECK_EQUAL(problem(), why(s1, "no such master: mymaster") + "; " +
                                 why(s2, "no such master: mymaster") + "; " +
                                 why(s3, "Connection refused"));
}

CAF_TEST(sentinels_that_are_all_away_are_found_once_they_are_back) {
  settings.sentinels = {s1.where()};
  s1.answer(get, resp::nil);
  CAF_CHECK(!problem().empty());
  s1.answer(get, address(master_b));
  finds(master_b);
}

CAF_TEST(callers_at_once_share_one_round) {
  const auto first = start();
  const auto second = start();
  CAF_REQUIRE(runs_until([&] { return !second->empty(); }));
  CAF_CHECK_EQUAL(first->size(), 1u);
  CAF_CHECK_EQUAL(s1.count(get), 1u);
}

CAF_TEST(sentinels_have_a_login_of_their_own) {
  settings.user = "watcher";
  settings.password = "secret";
  finds(master_a);
  CAF_CHECK_EQUAL(s1.heard().front(), "AUTH watcher secret");
  source_.reset();
  for (auto* each : {&s1, &s2, &s3})
    each->answer("AUTH", "-WRONGPASS not secret\r\n");
  CAF_CHECK(problem().find("secret") == std::string::npos);
}

CAF_TEST(sentinels_that_others_name_are_asked_too) {
  settings.sentinels = {s1.where()};
  s1.answer(list, resp::list({resp::texts({"ip", s2.where().host, "port",
                                           std::to_string(s2.where().port),
                                           "runid", "x"})}));
  finds(master_a);
  s1.leave();
  finds(master_a);
  CAF_CHECK(source().sentinels() == (endpoints{s2.where(), s1.where()}));
}

CAF_TEST(a_huge_list_of_sentinels_is_cut) {
  std::vector<std::string> entries;
  for (int i = 1; i < 20000; ++i)
    entries.push_back(
        resp::texts({"ip", "10.1.1.1", "port", std::to_string(i)}));
  s1.answer(list, resp::list(entries));
  finds(master_a);
  CAF_CHECK_EQUAL(source().sentinels().size(), 64u);
}

CAF_TEST(another_master_is_noticed_within_the_interval) {
  finds(master_a);
  source().fit(master_a);
  wait_for_questions(s1);
  CAF_CHECK(moves.empty());
  s1.answer(get, address(master_b));
  CAF_REQUIRE(runs_until([&] { return !moves.empty(); }));
  CAF_CHECK_EQUAL(moves.front(),
                  "the sentinels name 10.0.0.2:6380 as the master, and no "
                  "longer 10.0.0.1:6379");
  finds(master_b);
  source().fit(master_b);
  wait_for_questions(s1);
  CAF_CHECK_EQUAL(moves.size(), 1u);
}

CAF_TEST(an_announced_switch_is_looked_at_at_once) {
  settings.interval = 1h;
  finds(master_a);
  source().fit(master_a);
  CAF_REQUIRE(runs_until([&] { return s1.count("SUBSCRIBE") == 1; }));
  s1.answer(get, address(master_b));
  announce(s1, "mymaster");
  CAF_REQUIRE(runs_until([&] { return !moves.empty(); }));
}

CAF_TEST(an_announcement_alone_moves_nothing) {
  settings.interval = 1h;
  finds(master_a);
  source().fit(master_a);
  CAF_REQUIRE(runs_until([&] { return s1.count("SUBSCRIBE") == 1; }));
  announce(s1, "other");
  announce(s1, "mymaster");
  wait_for_questions(s1, 1);
  finds(master_a);
  CAF_CHECK(moves.empty());
}

CAF_TEST(a_sentinel_that_is_lost_is_replaced_by_the_next_one) {
  finds(master_a);
  source().fit(master_a);
  CAF_REQUIRE(runs_until([&] { return s1.count("SUBSCRIBE") == 1; }));
  s1.leave();
  CAF_REQUIRE(runs_until([&] { return s2.count("SUBSCRIBE") == 1; }));
  wait_for_questions(s2);
  CAF_CHECK(moves.empty());
  s2.answer(get, address(master_b));
  CAF_REQUIRE(runs_until([&] { return !moves.empty(); }));
}

CAF_TEST(a_subscription_that_is_lost_is_made_again) {
  finds(master_a);
  source().fit(master_a);
  CAF_REQUIRE(runs_until([&] { return s1.count("SUBSCRIBE") == 1; }));
  s1.drop();
  CAF_REQUIRE(runs_until([&] { return s1.count("SUBSCRIBE") == 2; }));
  CAF_CHECK(moves.empty());
}

CAF_TEST(while_no_sentinel_answers_the_master_stays) {
  finds(master_a);
  source().fit(master_a);
  for (auto* each : {&s1, &s2, &s3})
    each->answer(get, resp::nil);
  wait_for_questions(s3);
  CAF_CHECK(moves.empty());
  s3.answer(get, address(master_b));
  CAF_REQUIRE(runs_until([&] { return !moves.empty(); }));
}

CAF_TEST(a_sentinel_that_named_a_wrong_master_is_asked_last) {
  s2.answer(get, address(master_b));
  finds(master_a);
  CAF_CHECK(!source().unfit(master_a));
  finds(master_b);
  CAF_CHECK(source().unfit(master_a));
}

CAF_TEST(a_source_that_was_stopped_calls_nothing) {
  finds(master_a);
  source().fit(master_a);
  const auto never = start();
  source().stop();
  s1.answer(get, address(master_b));
  CAF_REQUIRE(runs_until([&] { return s1.open() == 0; }));
  CAF_CHECK(never->empty());
  CAF_CHECK(moves.empty());
}

CAF_TEST(a_callback_may_release_the_source) {
  bool called = false;
  source().locate([&](const location&, const std::string&) {
    source_.reset();
    called = true;
  });
  CAF_REQUIRE(runs_until([&] { return called && s1.open() == 0; }));
}

CAF_TEST(a_server_is_certain_until_shortly_before_it_was_named_last) {
  const auto start = std::chrono::steady_clock::now();
  CAF_CHECK(!source().certain_until(master_a));
  finds(master_a);
  const auto first = source().certain_until(master_a);
  CAF_REQUIRE(first);
  // Another sentinel may have known of another master for as long as sentinels
  // take to tell each other.
  CAF_CHECK(*first >= start - 3s);
  CAF_CHECK(*first < std::chrono::steady_clock::now() - 2s);
  CAF_CHECK(!source().certain_until(master_b));
  source().fit(master_a);
  wait_for_questions(s1);
  const auto later = source().certain_until(master_a);
  CAF_REQUIRE(later);
  CAF_CHECK(*later > *first);
  s1.answer(get, address(master_b));
  CAF_REQUIRE(runs_until([&] { return !moves.empty(); }));
  CAF_REQUIRE(move_since);
  CAF_CHECK(*move_since >= *later);
  CAF_CHECK(source().certain_until(master_a) == move_since);
  CAF_CHECK(source().certain_until(master_b) > move_since);
}

CAF_TEST_FIXTURE_SCOPE_END()
