#include "redis/cluster_topology.hpp"

#include "tests/support/resp.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace status2::redis;
namespace resp = status2::support::resp;

namespace {

using endpoints = std::vector<endpoint>;
using ranges = std::vector<slot_range>;

const endpoint asked{"asked", 7000};
const endpoint m1{"10.0.0.1", 7001};
const endpoint m2{"10.0.0.2", 7002};
const endpoint r1{"10.0.0.3", 7003};

answer read(const std::string& bytes) {
  answer_reader reader;
  std::vector<answer> answers;
  CAF_REQUIRE(reader.feed(bytes, answers));
  CAF_REQUIRE_EQUAL(answers.size(), 1u);
  return answers.front();
}

cluster_topology good(const topology_result& result) {
  CAF_CHECK_EQUAL(result.problem, "");
  CAF_REQUIRE(result.value);
  return *result.value;
}

cluster_topology shards(const std::string& bytes, bool tls = false) {
  return good(read_shards(read(bytes), asked, tls));
}

cluster_topology slots(const std::string& bytes) {
  return good(read_slots(read(bytes), asked));
}

/// A node of CLUSTER SHARDS with these fields, and a master's role.
std::string node_with(std::vector<std::string> fields) {
  fields.insert(fields.end(), {resp::text("role"), resp::text("master")});
  return resp::list(fields);
}

/// The endpoint that a node of CLUSTER SHARDS with these fields has.
endpoint only_node(const std::vector<std::string>& fields, bool tls = false) {
  const auto all = node_with(fields);
  return shards(resp::list({resp::shard({0, 1}, {all})}), tls).nodes.at(0);
}

/// A node of CLUSTER SLOTS.
std::string slots_node(const std::string& host, int port,
                       const std::string& metadata = "*0\r\n") {
  return resp::list({host, resp::number(port), resp::text("0123"), metadata});
}

std::string slots_range(int first, int last,
                        const std::vector<std::string>& nodes) {
  std::vector<std::string> parts{resp::number(first), resp::number(last)};
  parts.insert(parts.end(), nodes.begin(), nodes.end());
  return resp::list(parts);
}

const std::string some_node = resp::shard_node("10.0.0.1", 7001, "master");

}  // namespace

CAF_TEST(a_slot_is_the_crc16_of_the_name) {
  CAF_CHECK_EQUAL(key_slot("123456789"), 0x31c3);  // the CRC's check value
  CAF_CHECK_EQUAL(key_slot("foo"), 12182);         // from CLUSTER KEYSLOT
  CAF_CHECK_EQUAL(key_slot("bar"), 5061);
  CAF_CHECK_EQUAL(key_slot(""), 0);
}

CAF_TEST(only_the_part_in_the_first_braces_counts_if_it_is_not_empty) {
  CAF_CHECK_EQUAL(key_slot("{foo}.a"), key_slot("foo"));
  CAF_CHECK_EQUAL(key_slot("a{foo}"), key_slot("foo"));
  CAF_CHECK_EQUAL(key_slot("x{foo}{bar}"), key_slot("foo"));
  CAF_CHECK_EQUAL(key_slot("x{{foo}}y"), key_slot("{foo"));
  CAF_CHECK_EQUAL(key_slot("}x{foo}"), key_slot("foo"));
  // CLUSTER KEYSLOT of names whose braces do not count
  CAF_CHECK_EQUAL(key_slot("x{}{bar}"), 734);
  CAF_CHECK_EQUAL(key_slot("{foo"), 13308);
}

CAF_TEST(shards_are_read_with_their_ranges_and_all_nodes) {
  const auto found = shards(resp::list(
      {resp::shard({8192, 16383},
                   {resp::shard_node("10.0.0.2", 7002, "master")}),
       resp::shard({0, 99, 101, 8191},
                   {resp::shard_node("10.0.0.3", 7003, "replica"),
                    resp::shard_node("10.0.0.1", 7001, "master")})}));
  CAF_CHECK(found.nodes == (endpoints{m2, r1, m1}));
  CAF_CHECK(found.ranges ==
            (ranges{{0, 99, m1}, {101, 8191, m1}, {8192, 16383, m2}}));
  CAF_CHECK(found.masters() == (endpoints{m1, m2}));
  for (auto [slot, master] : std::vector<std::pair<std::uint16_t, endpoint>>{
           {0, m1}, {99, m1}, {101, m1}, {8191, m1}, {8192, m2}, {16383, m2}}) {
    CAF_REQUIRE(found.master_of(slot) != nullptr);
    CAF_CHECK(*found.master_of(slot) == master);
  }
  CAF_CHECK(found.master_of(100) == nullptr);
}

CAF_TEST(a_node_that_fails_is_not_listed_and_an_online_master_comes_first) {
  const auto found = shards(resp::list({resp::shard(
      {0, 16383},
      {resp::shard_node("10.0.0.1", 7001, "master", "fail"),
       resp::shard_node("10.0.0.2", 7002, "master", "online"),
       resp::shard_node("10.0.0.3", 7003, "replica", "loading")})}));
  CAF_CHECK(found.nodes == (endpoints{m2, r1}));
  CAF_CHECK(found.ranges == (ranges{{0, 16383, m2}}));
}

CAF_TEST(a_shard_without_a_master_leaves_its_slots_to_nobody) {
  const auto found = shards(resp::list({resp::shard(
      {0, 16383}, {resp::shard_node("10.0.0.3", 7003, "replica")})}));
  CAF_CHECK(found.nodes == (endpoints{r1}));
  CAF_CHECK(found.ranges.empty());
  CAF_CHECK(found.master_of(7) == nullptr);
}

CAF_TEST(an_endpoint_that_is_not_known_is_the_host_that_was_asked) {
  const auto port = resp::number(7001);
  const endpoint there{"asked", 7001};
  CAF_CHECK(only_node({resp::text("port"), port}) == there);
  for (const auto& unknown : {resp::nil, resp::text(""), resp::text("?")})
    CAF_CHECK(only_node({resp::text("port"), port, resp::text("endpoint"),
                         unknown}) == there);
  CAF_CHECK(only_node({resp::text("port"), port, resp::text("endpoint"),
                       resp::text("?"), resp::text("ip"),
                       resp::text("10.0.0.1")}) == m1);
  CAF_CHECK(only_node({resp::text("port"), port, resp::text("endpoint"),
                       resp::text("redis.example"), resp::text("ip"),
                       resp::text("10.0.0.1")}) ==
            (endpoint{"redis.example", 7001}));
}

CAF_TEST(tls_has_a_port_of_its_own_and_a_node_without_it_is_left_out) {
  const std::vector<std::string> both{resp::text("port"), resp::number(7001),
                                      resp::text("tls-port"),
                                      resp::number(7101)};
  CAF_CHECK_EQUAL(only_node(both, false).port, 7001);
  CAF_CHECK_EQUAL(only_node(both, true).port, 7101);
  const auto plain = resp::list({resp::shard({0, 1}, {some_node})});
  CAF_CHECK_EQUAL(read_shards(read(plain), asked, true).problem,
                  "malformed topology: there is no node");
}

CAF_TEST(slots_are_read_with_the_first_node_of_a_range_as_its_master) {
  const auto found = slots(resp::list({
      slots_range(8192, 16383, {slots_node(resp::text("10.0.0.2"), 7002)}),
      slots_range(0, 8191,
                  {slots_node(resp::text("10.0.0.1"), 7001),
                   slots_node(resp::text("10.0.0.3"), 7003)}),
  }));
  CAF_CHECK(found.nodes == (endpoints{m2, m1, r1}));
  CAF_CHECK(found.ranges == (ranges{{0, 8191, m1}, {8192, 16383, m2}}));
}

CAF_TEST(slots_of_old_servers_have_nodes_of_two_parts) {
  const auto found = slots(resp::list({slots_range(
      0, 5, {resp::list({resp::text("10.0.0.1"), resp::number(7001)})})}));
  CAF_CHECK(found.ranges == (ranges{{0, 5, m1}}));
}

CAF_TEST(an_endpoint_of_slots_that_is_not_known_is_the_host_that_was_asked) {
  const auto one = [](const std::string& host, const std::string& metadata) {
    return slots(resp::list(
                     {slots_range(0, 5, {slots_node(host, 7001, metadata)})}))
        .nodes.at(0);
  };
  const auto address = resp::texts({"ip", "10.0.0.1"});
  for (const auto& unknown : {resp::nil, resp::text("")})
    CAF_CHECK(one(unknown, address) == (endpoint{"asked", 7001}));
  CAF_CHECK(one(resp::text("?"), "*0\r\n") == (endpoint{"asked", 7001}));
  CAF_CHECK(one(resp::text("?"), address) == m1);
}

CAF_TEST(a_node_of_many_ranges_is_listed_once) {
  std::vector<std::string> all;
  for (int slot = 0; slot < cluster_slots; ++slot)
    all.push_back(
        slots_range(slot, slot, {slots_node(resp::text("10.0.0.1"), 7001)}));
  const auto found = slots(resp::list(all));
  CAF_CHECK(found.nodes == (endpoints{m1}));
  CAF_CHECK_EQUAL(found.ranges.size(), std::size_t{cluster_slots});
  CAF_CHECK_EQUAL(found.masters().size(), 1u);
}

CAF_TEST(malformed_shards_are_refused_with_a_reason) {
  const auto problem = [](const std::string& bytes) {
    const auto result = read_shards(read(bytes), asked, false);
    CAF_MESSAGE(bytes);
    CAF_CHECK(!result.value);
    return result.problem;
  };
  const auto of = [](const std::string& shard) { return resp::list({shard}); };
  const std::string start = "malformed topology: ";
  CAF_CHECK_EQUAL(problem("-ERR unknown subcommand 'shards'\r\n"),
                  "ERR unknown subcommand 'shards'");
  CAF_CHECK_EQUAL(problem("+OK\r\n"), start + "the answer is not a list");
  CAF_CHECK_EQUAL(problem(resp::nil), start + "the answer is not a list");
  CAF_CHECK_EQUAL(problem("*0\r\n"), start + "there is no node");
  CAF_CHECK_EQUAL(problem(of(resp::number(7))),
                  start + "a shard is not a list");
  CAF_CHECK_EQUAL(problem(of(resp::texts({"slots"}))),
                  start + "a shard has no slots or no nodes");
  CAF_CHECK_EQUAL(problem(of(resp::texts({"slots", "x", "nodes", "y"}))),
                  start + "the nodes of a shard is not a list");
  CAF_CHECK_EQUAL(problem(of(resp::shard({0, 1}, {resp::text("x")}))),
                  start + "a node is not a list");
  CAF_CHECK_EQUAL(problem(of(resp::shard({0}, {some_node}))),
                  start + "a range of slots has no end");
  CAF_CHECK_EQUAL(problem(of(resp::shard({5, 4}, {some_node}))),
                  start + "a range of slots ends before it begins");
  for (int slot : {-1, 16384})
    CAF_CHECK_EQUAL(problem(of(resp::shard({0, slot}, {some_node}))),
                    start + "a slot is not a number up to 16383");
  CAF_CHECK_EQUAL(problem(resp::list({resp::shard({0, 5}, {some_node}),
                                      resp::shard({5, 9}, {some_node})})),
                  start + "two masters serve one slot");
  CAF_CHECK_EQUAL(
      problem(of(resp::shard({0, 1}, {resp::texts({"port", "7001"})}))),
      start + "a node has no role");
  CAF_CHECK_EQUAL(
      problem(of(resp::shard(
          {0, 1}, {node_with({resp::text("port"), resp::number(65536)})}))),
      start + "a port is not a number up to 65535");
  CAF_CHECK_EQUAL(
      problem(of(resp::shard(
          {0, 1}, {node_with({resp::text("endpoint"), resp::number(1)})}))),
      start + "an endpoint is not a text");
}

CAF_TEST(malformed_slots_are_refused_with_a_reason) {
  const auto problem = [](const std::string& range) {
    const auto result = read_slots(read(resp::list({range})), asked);
    CAF_MESSAGE(range);
    CAF_CHECK(!result.value);
    return result.problem;
  };
  const std::string start = "malformed topology: ";
  CAF_CHECK_EQUAL(problem(resp::number(1)),
                  start + "a range of slots is not a list");
  CAF_CHECK_EQUAL(problem(slots_range(0, 1, {})),
                  start + "a range of slots has no master");
  CAF_CHECK_EQUAL(problem(slots_range(0, 1, {resp::texts({"10.0.0.1"})})),
                  start + "a node has no port");
  CAF_CHECK_EQUAL(problem(slots_range(0, 1, {resp::texts({"h", "7001"})})),
                  start + "a port is not a number up to 65535");
  CAF_CHECK_EQUAL(
      problem(slots_range(0, 1, {slots_node(resp::number(1), 7001)})),
      start + "an endpoint is not a text");
}

CAF_TEST(a_huge_list_of_nodes_is_refused) {
  std::vector<std::string> nodes;
  for (int i = 0; i < 5000; ++i)
    nodes.push_back(resp::shard_node("h" + std::to_string(i), 7001, "replica"));
  const auto bytes = resp::list({resp::shard({0, 1}, nodes)});
  CAF_CHECK_EQUAL(read_shards(read(bytes), asked, false).problem,
                  "malformed topology: there are too many nodes");
}

CAF_TEST(a_node_without_the_majority_is_told_from_a_failover) {
  const auto info = [](const std::string& state, int assigned, int suspected,
                       int failed) {
    return "cluster_state:" + state +
           "\r\ncluster_slots_assigned:" + std::to_string(assigned) +
           "\r\ncluster_slots_ok:1" +
           "\r\ncluster_slots_pfail:" + std::to_string(suspected) +
           "\r\ncluster_slots_fail:" + std::to_string(failed) + "\r\n";
  };
  CAF_CHECK(!lost_majority(info("ok", 16384, 0, 0)));
  CAF_CHECK(!lost_majority(info("ok", 16384, 5461, 0)));
  CAF_CHECK(!lost_majority(info("fail", 16384, 0, 5461)));
  CAF_CHECK(!lost_majority(info("fail", 16383, 0, 0)));
  CAF_CHECK(lost_majority(info("fail", 16384, 10922, 0)));
  CAF_CHECK(lost_majority(info("fail", 16384, 7, 5461)));
  CAF_CHECK(lost_majority(info("fail", 0, 0, 0)));
  CAF_CHECK(lost_majority("cluster_state:fail"));
  CAF_CHECK(!lost_majority(""));
  CAF_CHECK(!lost_majority("OK"));
}
