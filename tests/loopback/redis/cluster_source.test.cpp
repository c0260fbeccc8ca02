#include "redis/cluster_source.hpp"

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

const std::string well = resp::text("cluster_state:ok\r\n");
const std::string cut_off = resp::text(
    "cluster_state:fail\r\ncluster_slots_assigned:16384\r\n"
    "cluster_slots_pfail:10922\r\ncluster_slots_fail:0\r\n");
const std::string in_failover = resp::text(
    "cluster_state:fail\r\ncluster_slots_assigned:16384\r\n"
    "cluster_slots_pfail:0\r\ncluster_slots_fail:5461\r\n");

/// Half of the slots each.
std::string shards(const endpoint& first, const endpoint& second) {
  return resp::list(
      {resp::shard({0, 8191},
                   {resp::shard_node(first.host, first.port, "master")}),
       resp::shard({8192, 16383},
                   {resp::shard_node(second.host, second.port, "master")})});
}

std::string slots(const endpoint& only) {
  return resp::list({resp::list(
      {resp::number(0), resp::number(16383),
       resp::list({resp::text(only.host), resp::number(only.port)})})});
}

struct outcome {
  cluster_topology topology;
  std::string error;
};

struct fixture : loop_fixture {
  fixture() {
    for (auto* each : {&n1, &n2, &n3}) {
      each->answer("CLUSTER INFO", well);
      each->answer("CLUSTER SHARDS", shards(n2.where(), n3.where()));
      each->answer("AUTH", "+OK\r\n");
    }
    settings.seeds = {n1.where()};
    settings.timeout = 10s;
    settings.interval = 20ms;
  }
  ~fixture() {
    if (source_) source_->stop();
  }
  cluster_source& source() {
    if (!source_) {
      source_ = std::make_shared<cluster_source>(loop, settings);
      source_->moved = [this](const std::string& why, auto) {
        moves.push_back(why);
      };
    }
    return *source_;
  }
  endpoints locate() {
    endpoints found;
    source().locate([&](const location& where, const std::string& error) {
      CAF_CHECK_EQUAL(error, "");
      CAF_CHECK(where.role == server_role::cluster_node);
      found = where.endpoints;
    });
    CAF_CHECK(found.empty());
    CAF_REQUIRE(runs_until([&] { return !found.empty(); }));
    return found;
  }
  std::shared_ptr<std::vector<outcome>> start() {
    auto outcomes = std::make_shared<std::vector<outcome>>();
    source().topology(
        [outcomes](const cluster_topology& topology, const std::string& error) {
          outcomes->push_back({topology, error});
        });
    CAF_CHECK(outcomes->empty());
    return outcomes;
  }
  outcome read() {
    const auto outcomes = start();
    CAF_REQUIRE(runs_until([&] { return !outcomes->empty(); }));
    CAF_CHECK_EQUAL(outcomes->size(), 1u);
    return outcomes->front();
  }
  /// The master of slot 0.
  endpoint master() {
    const auto result = read();
    CAF_CHECK_EQUAL(result.error, "");
    CAF_REQUIRE(result.topology.master_of(0) != nullptr);
    return *result.topology.master_of(0);
  }

  scripted_server n1{loop};
  scripted_server n2{loop};
  scripted_server n3{loop};
  cluster_settings settings;
  std::shared_ptr<cluster_source> source_;
  std::vector<std::string> moves;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(cluster_source_tests, fixture)

CAF_TEST(at_first_the_seeds_are_tried) {
  CAF_CHECK(locate() == (endpoints{n1.where()}));
}

CAF_TEST(a_node_that_serves_names_the_others_and_is_tried_last_after_its_loss) {
  locate();
  source().fit(n1.where());
  CAF_REQUIRE(runs_until([&] { return source().nodes().size() == 3; }));
  CAF_CHECK(locate() == (endpoints{n2.where(), n3.where(), n1.where()}));
}

CAF_TEST(nodes_that_do_not_serve_are_tried_in_turn) {
  settings.seeds = {n1.where(), n2.where(), n3.where()};
  CAF_CHECK(source().unfit(n1.where()));
  CAF_CHECK(locate() == (endpoints{n2.where(), n3.where(), n1.where()}));
  CAF_CHECK(source().unfit(n2.where()));
  CAF_CHECK(!source().unfit(n3.where()));
  source().fit(n1.where());
  CAF_CHECK(source().unfit(n1.where()));
}

CAF_TEST(a_node_that_loses_the_majority_is_left) {
  source().fit(n1.where());
  CAF_REQUIRE(runs_until([&] {
    return n1.count("CLUSTER INFO") > 3 && source().nodes().size() == 3;
  }));
  CAF_CHECK(moves.empty());
  n1.answer("CLUSTER INFO", cut_off);
  CAF_REQUIRE(runs_until([&] { return !moves.empty(); }));
  CAF_CHECK_EQUAL(moves.front(), to_text(n1.where()) +
                                     " has lost the majority of its cluster");
  CAF_CHECK(source().nodes().back() == n1.where());
  source().fit(n2.where());
  CAF_REQUIRE(runs_until([&] { return n2.count("CLUSTER INFO") > 3; }));
  CAF_CHECK_EQUAL(moves.size(), 1u);
}

CAF_TEST(a_node_in_a_failover_or_without_a_clear_answer_is_not_left) {
  settings.timeout = 100ms;
  for (const auto& bytes :
       {in_failover, std::string("-NOPERM no\r\n"), std::string("+OK\r\n"),
        std::string(), resp::nil_list, std::string("HTTP/1.1 400\r\n")}) {
    n1.answer("CLUSTER INFO", bytes);
    source().fit(n1.where());
    const auto before = n1.count("CLUSTER INFO");
    CAF_REQUIRE(
        runs_until([&] { return n1.count("CLUSTER INFO") > before + 3; }));
  }
  CAF_CHECK(moves.empty());
}

CAF_TEST(the_topology_is_read_from_the_first_node_that_knows_it) {
  settings.seeds = {n1.where(), n2.where(), n3.where()};
  settings.timeout = 100ms;
  n1.leave();
  for (const std::string bytes :
       {"+OK\r\n", "", "*0\r\n", "*1\r\n*0\r\n", "HTTP/1.1 400\r\n",
        "*1000000000\r\n", "$-1\r\n", "-NOPERM no\r\n"}) {
    CAF_MESSAGE(bytes);
    source_.reset();
    n2.answer("CLUSTER SHARDS", bytes);
    // A busy machine may need more than one try within the timeout.
    CAF_CHECK(eventually(10s, [&] {
      const auto result = read();
      return result.error.empty() && result.topology.ranges.size() == 2;
    }));
  }
}

CAF_TEST(a_cluster_before_7_is_asked_for_slots_and_later_only_for_slots) {
  for (auto* each : {&n1, &n2, &n3}) {
    each->answer("CLUSTER SHARDS", "-ERR unknown subcommand 'SHARDS'\r\n");
    each->answer("CLUSTER SLOTS", slots(n2.where()));
  }
  CAF_CHECK(master() == n2.where());
  const auto asked = n1.count("CLUSTER SHARDS") + n2.count("CLUSTER SHARDS");
  CAF_CHECK(master() == n2.where());
  CAF_CHECK_EQUAL(n1.count("CLUSTER SHARDS") + n2.count("CLUSTER SHARDS"),
                  asked);
}

CAF_TEST(a_cluster_that_no_longer_knows_slots_is_asked_for_shards_again) {
  n1.answer("CLUSTER SHARDS", "-ERR unknown subcommand 'SHARDS'\r\n");
  n1.answer("CLUSTER SLOTS", slots(n1.where()));
  CAF_CHECK(master() == n1.where());
  n1.answer("CLUSTER SHARDS", shards(n2.where(), n3.where()));
  n1.answer("CLUSTER SLOTS", "-ERR unknown subcommand 'SLOTS'\r\n");
  CAF_CHECK(!read().error.empty());
  CAF_CHECK(master() == n2.where());
}

CAF_TEST(a_node_without_the_majority_is_believed_if_no_other_one_answers) {
  settings.seeds = {n1.where(), n2.where()};
  n1.answer("CLUSTER INFO", cut_off);
  n1.answer("CLUSTER SHARDS", shards(n1.where(), n2.where()));
  CAF_CHECK(master() == n2.where());
  source_.reset();
  n2.leave();
  CAF_CHECK(master() == n1.where());
}

CAF_TEST(a_cluster_that_is_away_has_a_reason_and_is_read_once_it_is_back) {
  n1.answer("CLUSTER SHARDS", "+OK\r\n");
  const auto result = read();
  CAF_CHECK(result.topology == cluster_topology{});
  CAF_CHECK_EQUAL(
      result.error,
      to_text(n1.where()) + ": malformed topology: the answer is not a list");
  n1.answer("CLUSTER SHARDS", shards(n2.where(), n3.where()));
  CAF_CHECK(master() == n2.where());
}

CAF_TEST(callers_at_once_share_one_round) {
  const auto first = start();
  const auto second = start();
  CAF_REQUIRE(runs_until([&] { return !second->empty(); }));
  CAF_CHECK_EQUAL(first->size(), 1u);
  CAF_CHECK_EQUAL(n1.count("CLUSTER SHARDS"), 1u);
}

CAF_TEST(the_topology_is_read_again_after_the_refresh_time) {
  settings.refresh = 20ms;
  CAF_CHECK(master() == n2.where());
  CAF_REQUIRE(runs_until([&] { return source().nodes().size() == 3; }));
  for (auto* each : {&n1, &n2, &n3})
    each->answer("CLUSTER SHARDS", shards(n3.where(), n3.where()));
  CAF_REQUIRE(runs_until([&] { return source().nodes().size() == 2; }));
}

CAF_TEST(nodes_are_asked_with_the_login_of_the_messages) {
  settings.user = "bob";
  settings.password = "secret";
  CAF_CHECK(master() == n2.where());
  CAF_CHECK_EQUAL(n1.heard().front(), "AUTH bob secret");
}

CAF_TEST(a_source_that_was_stopped_calls_nothing) {
  source().fit(n1.where());
  const auto never = start();
  bool located = false;
  source().locate([&](const location&, const std::string&) { located = true; });
  n1.answer("CLUSTER INFO", cut_off);
  source().stop();
  n3.answer("PING", "+PONG\r\n");
  query_client marker(loop, {.where = n3.where()});
  bool answered = false;
  marker.ask({{"PING"}}, [&](const auto&, const auto&) { answered = true; });
  CAF_REQUIRE(runs_until([&] { return answered && n1.open() == 0; }));
  CAF_CHECK(never->empty());
  CAF_CHECK(!located);
  CAF_CHECK(moves.empty());
}

CAF_TEST(a_callback_may_release_the_source) {
  bool called = false;
  source().topology([&](const cluster_topology&, const std::string&) {
    source_.reset();
    called = true;
  });
  CAF_REQUIRE(runs_until([&] { return called && n1.open() == 0; }));
}

CAF_TEST_FIXTURE_SCOPE_END()
