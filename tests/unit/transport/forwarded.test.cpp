// The address that counts behind proxies.
#include "transport/forwarded.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::transport;
using boost::asio::ip::make_address;
namespace http = boost::beast::http;

namespace {

/// `unix:` stands for the peers at Unix sockets.
proxy_set proxies(const std::vector<std::string>& texts) {
  std::vector<network> result;
  bool unix_sockets = false;
  for (const auto& text : texts)
    if (text == "unix:")
      unix_sockets = true;
    else
      result.push_back(*parse_network(text));
  return proxy_set(result, unix_sockets);
}

peer peer_at(const std::string& text) {
  if (text.starts_with("unix:")) return {no_address, 0, text.substr(5)};
  return {make_address(text), 4711};
}

std::string client(const std::string& from, std::string_view forwarded,
                   const std::vector<std::string>& trusted) {
  return client_address(peer_at(from), forwarded, proxies(trusted)).to_string();
}

std::string hop(std::string_view text) {
  const auto found = parse_hop(text);
  return found ? found->to_string() : "none";
}

http_request with(
    const std::vector<std::pair<std::string, std::string>>& fields) {
  http_request request{http::verb::get, "/run:channel", 11};
  for (const auto& [name, value] : fields)
    request.insert(name, value);
  return request;
}

std::string host_of(
    const std::string& from,
    const std::vector<std::pair<std::string, std::string>>& fields) {
  return forwarded_host(with(fields), peer_at(from), proxies({"10.0.0.0/8"}));
}

}  // namespace

CAF_TEST(only_a_trusted_proxy_is_believed) {
  CAF_CHECK_EQUAL(client("203.0.113.9", "1.2.3.4", {}), "203.0.113.9");
  CAF_CHECK_EQUAL(client("203.0.113.9", "1.2.3.4", {"10.0.0.0/8"}),
                  "203.0.113.9");
  CAF_CHECK_EQUAL(client("10.0.0.1", "1.2.3.4", {"10.0.0.0/8"}), "1.2.3.4");
  CAF_CHECK_EQUAL(client("::ffff:10.0.0.1", " 2001:db8::7 ", {"10.0.0.0/8"}),
                  "2001:db8::7");
}

CAF_TEST(of_several_hops_the_last_one_that_is_no_proxy_counts) {
  // The client may have invented the hops to the left of it.
  CAF_CHECK_EQUAL(
      client("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", {"10.0.0.0/8"}),
      "1.2.3.4");
  CAF_CHECK_EQUAL(client("10.0.0.1", "10.0.0.3, 10.0.0.2", {"10.0.0.0/8"}),
                  "10.0.0.3");
  CAF_CHECK_EQUAL(client("10.0.0.1", "", {"10.0.0.0/8"}), "10.0.0.1");
  CAF_CHECK_EQUAL(client("10.0.0.1", "6.6.6.6, nonsense", {"10.0.0.0/8"}),
                  "10.0.0.1");
}

CAF_TEST(a_peer_at_a_unix_socket_is_believed_if_it_is_named) {
  CAF_CHECK_EQUAL(client("unix:/run/a", "1.2.3.4", {"unix:"}), "1.2.3.4");
  CAF_CHECK_EQUAL(
      client("unix:/run/a", "1.2.3.4, 10.0.0.2", {"unix:", "10.0.0.0/8"}),
      "1.2.3.4");
  for (const auto& trusted : std::vector<std::vector<std::string>>{
           {}, {"10.0.0.0/8"}, {"0.0.0.0/0", "::/0"}})
    CAF_CHECK(!has_address(
        client_address(peer_at("unix:/run/a"), "1.2.3.4", proxies(trusted))));
  CAF_CHECK(!has_address(
      client_address(peer_at("unix:/run/a"), "unix:", proxies({"unix:"}))));
  // A hop says `unix:` of a client of its own, not of ours.
  CAF_CHECK_EQUAL(client("10.0.0.1", "6.6.6.6, unix:", {"10.0.0.1", "unix:"}),
                  "10.0.0.1");
}

CAF_TEST(a_client_that_its_proxy_does_not_name_is_not_believed) {
  auto hidden = peer_at("10.0.0.1");
  hidden.named = false;
  const auto trusted = proxies({"10.0.0.0/8"});
  CAF_CHECK_EQUAL(client_address(hidden, "1.2.3.4", trusted).to_string(),
                  "10.0.0.1");
  CAF_CHECK_EQUAL(forwarded_host(with({{"X-Forwarded-Host", "a.example"}}),
                                 hidden, trusted),
                  "");
}

CAF_TEST(peers_are_shown_with_their_port_or_path) {
  CAF_CHECK_EQUAL(to_text(peer_at("10.0.0.1")), "10.0.0.1:4711");
  CAF_CHECK_EQUAL(to_text(peer_at("::ffff:10.0.0.1")), "10.0.0.1:4711");
  CAF_CHECK_EQUAL(to_text(peer_at("2001:db8::7")), "[2001:db8::7]:4711");
  CAF_CHECK_EQUAL(to_text(peer_at("unix:/run/a")), "unix:/run/a");
}

CAF_TEST(a_hop_may_have_a_port_brackets_and_quotes) {
  CAF_CHECK_EQUAL(hop("1.2.3.4"), "1.2.3.4");
  CAF_CHECK_EQUAL(hop(" 1.2.3.4:5678 "), "1.2.3.4");
  CAF_CHECK_EQUAL(hop("\"1.2.3.4:5678\""), "1.2.3.4");
  CAF_CHECK_EQUAL(hop("2001:db8::7"), "2001:db8::7");
  CAF_CHECK_EQUAL(hop("[2001:db8::7]"), "2001:db8::7");
  CAF_CHECK_EQUAL(hop("\"[2001:db8::7]:4711\""), "2001:db8::7");
  for (const auto* text : {"", "unknown", "_proxy", "[2001:db8::7", "a.example",
                           "1.2.3", "\"\"", "unix:", "0.0.0.0", "[::]:80"})
    CAF_CHECK_EQUAL(hop(text), "none");
}

CAF_TEST(forwarded_is_read_without_x_forwarded_for) {
  CAF_CHECK_EQUAL(
      forwarded_for(with({{"Forwarded", "For=1.2.3.4;proto=http"},
                          {"Forwarded", "for=\"[2001:db8::7]:80\", by=x"}})),
      "1.2.3.4,[2001:db8::7]:80,unknown");
  CAF_CHECK_EQUAL(forwarded_for(with({{"Forwarded", "for=1.2.3.4"},
                                      {"X-Forwarded-For", "5.6.7.8"},
                                      {"X-Forwarded-For", "9.9.9.9"}})),
                  "5.6.7.8,9.9.9.9");
  CAF_CHECK_EQUAL(forwarded_for(with({})), "");
  CAF_CHECK_EQUAL(
      client("10.0.0.1", "1.2.3.4,[2001:db8::7]:80,unknown", {"10.0.0.0/8"}),
      "10.0.0.1");
  CAF_CHECK_EQUAL(
      client("10.0.0.1", "1.2.3.4,\"[2001:db8::7]:80\"", {"10.0.0.0/8"}),
      "2001:db8::7");
}

CAF_TEST(the_host_that_a_trusted_proxy_was_asked_for_is_known) {
  CAF_CHECK_EQUAL(host_of("10.0.0.1", {{"X-Forwarded-Host", "a.example"}}),
                  "a.example");
  CAF_CHECK_EQUAL(
      host_of("10.0.0.1", {{"X-Forwarded-Host", "evil.test, a.example"}}),
      "a.example");
  CAF_CHECK_EQUAL(
      host_of("10.0.0.1",
              {{"Forwarded", "for=1.2.3.4;host=\"a.example:8443\""}}),
      "a.example:8443");
  CAF_CHECK_EQUAL(host_of("192.0.2.1", {{"X-Forwarded-Host", "a.example"}}),
                  "");
  CAF_CHECK_EQUAL(host_of("10.0.0.1", {}), "");
}
