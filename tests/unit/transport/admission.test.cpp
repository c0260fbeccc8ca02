// Limits of connections, and whose address counts.
#include "transport/admission.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::transport;
using boost::asio::ip::make_address;

CAF_TEST(there_are_as_many_places_as_the_limit_and_each_comes_back) {
  admission door({.connections = 2});
  const auto who = make_address("10.0.0.1");
  auto first = door.enter(who);
  auto second = door.enter(who);
  CAF_CHECK(first.place && second.place);
  const auto third = door.enter(who);
  CAF_CHECK(!third.place);
  CAF_CHECK(third.refused == refusal::connections);
  first.place.reset();
  CAF_CHECK_EQUAL(door.inside(), 1u);
  CAF_CHECK(door.enter(who).place != nullptr);
}

CAF_TEST(one_address_has_its_own_limit_and_others_are_not_concerned) {
  admission door({.connections = 10, .connections_per_address = 1});
  auto first = door.enter(make_address("10.0.0.1"));
  CAF_CHECK(first.place != nullptr);
  const auto second = door.enter(make_address("10.0.0.1"));
  CAF_CHECK(!second.place);
  CAF_CHECK(second.refused == refusal::address);
  CAF_CHECK(door.enter(make_address("10.0.0.2")).place != nullptr);
  first.place.reset();
  CAF_CHECK(door.enter(make_address("10.0.0.1")).place != nullptr);
}

CAF_TEST(a_network_64_of_ipv6_counts_as_one_address) {
  admission door({.connections = 10, .connections_per_address = 1});
  auto first = door.enter(make_address("2001:db8:0:1::1"));
  CAF_CHECK(first.place != nullptr);
  CAF_CHECK(!door.enter(make_address("2001:db8:0:1:ffff::2")).place);
  CAF_CHECK(door.enter(make_address("2001:db8:0:2::1")).place != nullptr);
  first.place.reset();
  CAF_CHECK(door.enter(make_address("2001:db8:0:1:ffff::2")).place != nullptr);
  // IPv4 addresses written as IPv6 count one by one.
  const auto mapped = door.enter(make_address("::ffff:10.0.0.1"));
  CAF_CHECK(mapped.place != nullptr);
  CAF_CHECK(door.enter(make_address("::ffff:10.0.0.2")).place != nullptr);
  CAF_CHECK(!door.enter(make_address("10.0.0.1")).place);
}

CAF_TEST(clients_without_an_address_are_not_counted_as_one) {
  admission door({.connections = 3, .connections_per_address = 1});
  std::vector<admission_result> inside;
  for (int i = 0; i < 3; ++i) {
    inside.push_back(door.enter(no_address));
    CAF_CHECK(inside.back().place != nullptr);
  }
  const auto fourth = door.enter(no_address);
  CAF_CHECK(!fourth.place);
  CAF_CHECK(fourth.refused == refusal::connections);
  inside.clear();
  CAF_CHECK_EQUAL(door.inside(), 0u);
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

CAF_TEST(limits_may_change_while_clients_are_inside) {
  admission door({.connections = 1});
  const auto who = make_address("10.0.0.1");
  auto before = door.enter(who);
  CAF_CHECK(!door.enter(who).place);
  door.limit({.connections = 3, .connections_per_address = 1});
  // Who came without a limit per address is not counted by it.
  auto first = door.enter(who);
  CAF_CHECK(first.place != nullptr);
  CAF_CHECK(door.enter(who).refused == refusal::address);
  before.place.reset();
  CAF_CHECK(door.enter(who).refused == refusal::address);
  door.limit({.connections = 1});
  CAF_CHECK(!door.enter(make_address("10.0.0.2")).place);
  first.place.reset();
  CAF_CHECK_EQUAL(door.inside(), 0u);
  CAF_CHECK(door.enter(who).place != nullptr);
}
