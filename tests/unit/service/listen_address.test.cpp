#include "service/listen_address.hpp"

#include <caf/test/unit_test.hpp>

using status2::service::parse_listen_address;
using status2::service::reachable_at;

namespace {

// By value: CAF_CHECK_EQUAL keeps references to its operands.
std::string host_of(const char* text) {
  return parse_listen_address(text).value().host;
}
std::string reachable(const char* host) {
  return reachable_at({host, 1}).host;
}

}  // namespace

CAF_TEST(a port alone listens everywhere) {
  const auto address = parse_listen_address(":9002").value();
  CAF_CHECK_EQUAL(address.host, "");
  CAF_CHECK_EQUAL(address.port, 9002u);
}

CAF_TEST(hosts and addresses of both families are read) {
  CAF_CHECK_EQUAL(host_of("127.0.0.1:0"), "127.0.0.1");
  CAF_CHECK_EQUAL(host_of("localhost:1"), "localhost");
  CAF_CHECK_EQUAL(host_of("[::1]:65535"), "::1");
}

CAF_TEST(what is no address is refused) {
  for (const char* text :
       {"", "9002", "localhost", ":", ":x", ":65536", ":-1", "::1:9002",
        "[]:9002", "[::1]", "a b:1", "http://a:1", "user@host:1"}) {
    CAF_MESSAGE(text);
    CAF_CHECK(!parse_listen_address(text));
  }
}

CAF_TEST(an address that means all is reached over loopback) {
  CAF_CHECK_EQUAL(reachable(""), "127.0.0.1");
  CAF_CHECK_EQUAL(reachable("0.0.0.0"), "127.0.0.1");
  CAF_CHECK_EQUAL(reachable("::"), "::1");
  CAF_CHECK_EQUAL(reachable("10.0.0.1"), "10.0.0.1");
}
