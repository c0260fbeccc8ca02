#include "redis/sentinel_view.hpp"

#include "tests/support/resp.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::redis;
namespace resp = status2::support::resp;

namespace {

using endpoints = std::vector<endpoint>;

answer read(const std::string& bytes) {
  answer_reader reader;
  std::vector<answer> answers;
  CAF_REQUIRE(reader.feed(bytes, answers));
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  return answers.front();
}

std::string problem(const std::string& bytes) {
  const auto result = read_master(read(bytes), "mymaster");
  CAF_MESSAGE(bytes);
  CAF_CHECK(!result.master);
  return result.problem;
}

std::string entry(const std::string& host, const std::string& port) {
  return resp::texts({"name", "0123", "ip", host, "port", port, "runid", "0123",
                      "flags", "sentinel"});
}

const endpoint a{"a", 26379};
const endpoint b{"b", 26379};
const endpoint c{"c", 26379};
const endpoint d{"d", 26379};

}  // namespace

CAF_TEST(the_address_of_the_master_is_read) {
  const auto result = read_master(read(resp::texts({"10.0.0.7", "6380"})), "m");
  CAF_CHECK_EQUAL(result.problem, "");
  CAF_REQUIRE(result.master);
  CAF_CHECK(*result.master == (endpoint{"10.0.0.7", 6380}));
  const auto v6 = read_master(read(resp::texts({"::1", "6380"})), "m");
  CAF_REQUIRE(v6.master);
  CAF_CHECK_EQUAL(to_text(*v6.master), "[::1]:6380");
}

CAF_TEST(a_master_that_the_sentinel_does_not_know_has_its_own_reason) {
  for (const auto& bytes : {resp::nil_list, resp::nil,
                            std::string("-IDONTKNOW I have not enough\r\n")})
    CAF_CHECK_EQUAL(problem(bytes), "no such master: mymaster");
}

CAF_TEST(an_error_of_the_sentinel_is_the_reason) {
  CAF_CHECK_EQUAL(problem("-NOAUTH Authentication required.\r\n"),
                  "NOAUTH Authentication required.");
}

CAF_TEST(an_answer_of_another_shape_names_no_master) {
  for (const auto& bytes :
       {std::string("+OK\r\n"), resp::number(6379), resp::text("10.0.0.7"),
        resp::texts({}), resp::texts({"10.0.0.7"}),
        resp::texts({"10.0.0.7", "6379", "x"}), resp::texts({"", "6379"}),
        resp::texts({"10.0.0.7", "0"}), resp::texts({"10.0.0.7", "65536"}),
        resp::texts({"10.0.0.7", "63 79"}), resp::texts({"10.0.0.7", ""}),
        resp::list({resp::text("10.0.0.7"), resp::number(6379)}),
        resp::list({resp::nil, resp::text("6379")})})
    CAF_CHECK_EQUAL(problem(bytes), "malformed address of the master");
}

CAF_TEST(a_switch_counts_for_the_master_of_its_name) {
  const auto said = [](const std::string& payload) {
    const auto push = read(resp::texts({"message", "+switch-master", payload}));
    return says_switched(push, "mymaster");
  };
  CAF_CHECK(said("mymaster 10.0.0.7 6379 10.0.0.8 6379"));
  CAF_CHECK(!said("mymaster2 10.0.0.7 6379 10.0.0.8 6379"));
  CAF_CHECK(!said("other 10.0.0.7 6379 10.0.0.8 6379"));
  CAF_CHECK(!said(""));
  CAF_CHECK(!says_switched(read("+OK\r\n"), "mymaster"));
  CAF_CHECK(!says_switched(
      read(resp::texts({"message", "+sdown", "mymaster "})), "mymaster"));
}

CAF_TEST(the_sentinel_that_answered_is_asked_first_and_the_others_stay) {
  sentinel_view view({a, b, c});
  view.answered(c);
  CAF_CHECK(view.order() == (endpoints{c, a, b}));
  view.answered(c);
  CAF_CHECK(view.order() == (endpoints{c, a, b}));
  view.answered(d);
  CAF_CHECK(view.order() == (endpoints{c, a, b}));
}

CAF_TEST(the_sentinel_that_named_a_wrong_master_is_asked_last) {
  sentinel_view view({a, b, c});
  view.misled(a);
  CAF_CHECK(view.order() == (endpoints{b, c, a}));
  view.misled(d);
  CAF_CHECK(view.order() == (endpoints{b, c, a}));
}

CAF_TEST(the_newest_list_of_sentinels_replaces_the_learned_ones) {
  sentinel_view view({a});
  view.learn(a, read(resp::list({entry("b", "26379"), entry("c", "26379")})));
  CAF_CHECK(view.order() == (endpoints{a, b, c}));
  view.answered(c);
  view.learn(c, read(resp::list({entry("a", "26379"), entry("d", "26379")})));
  CAF_CHECK(view.order() == (endpoints{c, a, d}));
}

CAF_TEST(the_configured_sentinels_stay_even_if_no_other_one_knows_them) {
  sentinel_view view({a, b});
  view.learn(a, read(resp::list({})));
  CAF_CHECK(view.order() == (endpoints{a, b}));
}

CAF_TEST(an_answer_that_is_not_a_list_of_sentinels_changes_nothing) {
  sentinel_view view({a});
  view.learn(a, read(resp::list({entry("b", "26379")})));
  for (const auto& bytes :
       {std::string("-ERR No such master with that name\r\n"), resp::nil_list,
        resp::number(7), std::string("+OK\r\n")}) {
    view.learn(a, read(bytes));
    CAF_CHECK(view.order() == (endpoints{a, b}));
  }
}

CAF_TEST(entries_without_an_address_are_left_out) {
  sentinel_view view({a});
  view.learn(a, read(resp::list({entry("", "26379"), entry("x", "0"),
                                 entry("x", "65536"), resp::texts({"ip"}),
                                 resp::texts({"ip", "x"}), resp::number(1),
                                 resp::nil, entry("b", "26379")})));
  CAF_CHECK(view.order() == (endpoints{a, b}));
}

CAF_TEST(the_list_of_sentinels_is_bounded) {
  std::vector<std::string> entries;
  for (int i = 0; i < 1000; ++i)
    entries.push_back(entry("s" + std::to_string(i), "26379"));
  sentinel_view view({a, b});
  view.learn(a, read(resp::list(entries)));
  CAF_CHECK_EQUAL(view.order().size(), 64u);
  CAF_CHECK(view.order()[1] == b);
}
