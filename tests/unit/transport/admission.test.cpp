// Limits of connections, and whose address counts.
#include "transport/admission.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::transport;
using boost::asio::ip::make_address;

namespace {

std::vector<network> networks(const std::vector<std::string>& texts) {
  std::vector<network> result;
  for (const auto& text : texts)
    result.push_back(*parse_network(text));
  return result;
}

std::string client(const std::string& peer, std::string_view forwarded,
                   const std::vector<std::string>& trusted) {
  return client_address(make_address(peer), forwarded, networks(trusted))
      .to_string();
}

}  // namespace

CAF_TEST(there_are_as_many_places_as_the_limit_and_each_comes_back) {
  admission door({.connections = 2});
  http_refusal refusal;
  const auto who = make_address("10.0.0.1");
  auto first = door.enter(who, refusal);
  auto second = door.enter(who, refusal);
  CAF_CHECK(first && second);
  CAF_CHECK(!door.enter(who, refusal));
  CAF_CHECK_EQUAL(refusal.status, 503u);
  CAF_CHECK(refusal.reason == "too many connections");
  first.reset();
  CAF_CHECK_EQUAL(door.inside(), 1u);
  CAF_CHECK(door.enter(who, refusal) != nullptr);
}

CAF_TEST(one_address_has_its_own_limit_and_others_are_not_concerned) {
  admission door({.connections = 10, .connections_per_address = 1});
  http_refusal refusal;
  auto first = door.enter(make_address("10.0.0.1"), refusal);
  CAF_CHECK(first != nullptr);
  CAF_CHECK(!door.enter(make_address("10.0.0.1"), refusal));
  CAF_CHECK(refusal.reason == "too many connections from this address");
  CAF_CHECK(door.enter(make_address("10.0.0.2"), refusal) != nullptr);
  first.reset();
  CAF_CHECK(door.enter(make_address("10.0.0.1"), refusal) != nullptr);
}

CAF_TEST(networks_and_single_addresses_are_understood) {
  for (const auto* text : {"10.0.0.0/8", "127.0.0.1", "fd00::/8", "::1"})
    CAF_CHECK(parse_network(text).has_value());
  for (const auto* text : {"", "proxy", "10.0.0.0/33", "10.0.0/8", "::/129"})
    CAF_CHECK(!parse_network(text).has_value());
  const auto ten = *parse_network("10.1.0.0/16");
  CAF_CHECK(contains(ten, make_address("10.1.255.3")));
  CAF_CHECK(contains(ten, make_address("::ffff:10.1.0.9")));
  CAF_CHECK(!contains(ten, make_address("10.2.0.1")));
  CAF_CHECK(!contains(ten, make_address("fd00::1")));
  CAF_CHECK(contains(*parse_network("fd00::/8"), make_address("fd12::1")));
}

CAF_TEST(only_a_trusted_proxy_is_believed) {
  CAF_CHECK_EQUAL(client("203.0.113.9", "1.2.3.4", {}), "203.0.113.9");
  CAF_CHECK_EQUAL(client("203.0.113.9", "1.2.3.4", {"10.0.0.0/8"}),
                  "203.0.113.9");
  CAF_CHECK_EQUAL(client("10.0.0.1", "1.2.3.4", {"10.0.0.0/8"}), "1.2.3.4");
  CAF_CHECK_EQUAL(client("::ffff:10.0.0.1", " 2001:db8::7 ", {"10.0.0.0/8"}),
                  "2001:db8::7");
}

CAF_TEST(of_several_hops_the_last_one_that_is_no_proxy_counts) {
  // What stands left of it may be the client's own invention.
  CAF_CHECK_EQUAL(
      client("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", {"10.0.0.0/8"}),
      "1.2.3.4");
  CAF_CHECK_EQUAL(client("10.0.0.1", "10.0.0.3, 10.0.0.2", {"10.0.0.0/8"}),
                  "10.0.0.3");
  CAF_CHECK_EQUAL(client("10.0.0.1", "", {"10.0.0.0/8"}), "10.0.0.1");
  CAF_CHECK_EQUAL(client("10.0.0.1", "6.6.6.6, nonsense", {"10.0.0.0/8"}),
                  "10.0.0.1");
}
