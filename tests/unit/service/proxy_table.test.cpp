// Names of trusted proxies and the addresses that are found for them.
#include "service/proxy_table.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2;
using namespace status2::service;
using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using time_point = proxy_table::time_point;

namespace {

const time_point start = time_point{} + 1h;

bool trusts(const proxy_table& table, const char* address) {
  return table.trusted().trusts({make_address(address), 1});
}

bool trusts_unix(const proxy_table& table) {
  return table.trusted().trusts({transport::no_address, 0, "/run/a"});
}

std::set<transport::address> addresses(std::vector<std::string> texts) {
  std::set<transport::address> result;
  for (const auto& text : texts)
    result.insert(make_address(text));
  return result;
}

}  // namespace

CAF_TEST(items_are_addresses_networks_names_and_unix) {
  for (const auto* item :
       {"10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1", "unix:", "proxy",
        "edge-1.example", "edge.example.", "my_proxy", "3proxy", "a.b.c4"})
    CAF_CHECK(valid_proxy(item));
  for (const auto* item :
       {"", "10.0.0.0/33", "10.0.0.256", "10.0.0", "proxy:80", "unix:/run/a",
        "a b", "a/8", ".", ".a", "a..b", "*.example", "http://a", "[::1]"})
    CAF_CHECK(!valid_proxy(item));
  CAF_CHECK(!valid_proxy(std::string(254, 'a')));
}

CAF_TEST(addresses_need_no_lookup) {
  const proxy_table table({"10.0.0.0/8", "::1"});
  CAF_CHECK(table.names().empty());
  CAF_CHECK(table.complete());
  CAF_CHECK(trusts(table, "10.1.2.3"));
  CAF_CHECK(trusts(table, "::1"));
  CAF_CHECK(!trusts(table, "192.0.2.1"));
  CAF_CHECK(!trusts_unix(table));
  CAF_CHECK(trusts_unix(proxy_table({"unix:"})));
}

CAF_TEST(a_name_trusts_nobody_until_it_is_found) {
  proxy_table table({"proxy", "10.0.0.9", "proxy"});
  CAF_CHECK_EQUAL(table.names(), std::vector<std::string>{"proxy"});
  CAF_CHECK(!table.complete());
  CAF_CHECK(!trusts(table, "192.0.2.1"));
  CAF_CHECK(
      table.found("proxy", addresses({"192.0.2.1", "2001:db8::1"}), start));
  CAF_CHECK(table.complete());
  CAF_CHECK(trusts(table, "192.0.2.1"));
  CAF_CHECK(trusts(table, "2001:db8::1"));
  CAF_CHECK(trusts(table, "10.0.0.9"));
  CAF_CHECK(!trusts(table, "192.0.2.2"));
}

CAF_TEST(a_name_that_moves_takes_its_trust_along) {
  proxy_table table({"proxy"});
  table.found("proxy", addresses({"192.0.2.1"}), start);
  CAF_CHECK(!table.found("proxy", addresses({"192.0.2.1"}), start + 10s));
  CAF_CHECK(table.found("proxy", addresses({"192.0.2.2"}), start + 20s));
  CAF_CHECK(!trusts(table, "192.0.2.1"));
  CAF_CHECK(trusts(table, "192.0.2.2"));
}

CAF_TEST(a_name_that_does_not_exist_any_more_is_forgotten_at_once) {
  proxy_table table({"proxy"});
  table.found("proxy", addresses({"192.0.2.1"}), start);
  CAF_CHECK(table.failed("proxy", true, start + 10s).changed);
  CAF_CHECK(!trusts(table, "192.0.2.1"));
  CAF_CHECK(!table.complete());
  CAF_CHECK(!table.failed("proxy", true, start + 20s).changed);
}

CAF_TEST(a_name_server_that_is_away_costs_nothing_for_five_minutes) {
  proxy_table table({"proxy"});
  table.found("proxy", addresses({"192.0.2.1"}), start);
  CAF_CHECK(!table.failed("proxy", false, start + 299s).changed);
  CAF_CHECK(trusts(table, "192.0.2.1"));
  CAF_CHECK(table.failed("proxy", false, start + 300s).changed);
  CAF_CHECK(!trusts(table, "192.0.2.1"));
}

CAF_TEST(a_name_that_is_not_found_warns_at_once_and_then_once_a_minute) {
  proxy_table table({"proxy", "other"});
  CAF_CHECK(table.failed("proxy", true, start).warn);
  CAF_CHECK(table.failed("other", true, start).warn);
  for (auto later = 1s; later < 60s; later += 1s)
    CAF_CHECK(!table.failed("proxy", true, start + later).warn);
  CAF_CHECK(table.failed("proxy", true, start + 60s).warn);
  CAF_CHECK(!table.failed("proxy", true, start + 61s).warn);
  // The next failure after it was found is news.
  table.found("proxy", addresses({"192.0.2.1"}), start + 62s);
  CAF_CHECK(table.failed("proxy", false, start + 63s).warn);
}
