#include "transport/listen_address.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::transport;

namespace {

// By value: CAF_CHECK_EQUAL keeps references to its operands.
std::string host_of(const char* text) {
  return parse_listen_address(text).value().host;
}
std::string path_of(const std::string& text) {
  const auto address = parse_listen_address(text);
  return address ? address->unix_path : "none";
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
  CAF_CHECK_EQUAL(host_of("unix:80"), "unix");
}

CAF_TEST(unix sockets have an absolute path that fits) {
  CAF_CHECK_EQUAL(path_of("unix:/run/status2.sock"), "/run/status2.sock");
  CAF_CHECK_EQUAL(path_of("unix:/a:80"), "/a:80");
  const auto longest = "/" + std::string(longest_unix_path - 1, 'a');
  CAF_CHECK_EQUAL(path_of("unix:" + longest), longest);
  for (const auto& text :
       {"unix:" + longest + "a", std::string("unix:/"), std::string("unix:"),
        std::string("unix:run.sock"), std::string("unix:/run/"),
        std::string("UNIX:/run/a"), std::string("unix:/a\0b", 9)})
    CAF_CHECK_EQUAL(path_of(text), "none");
  CAF_CHECK_EQUAL(host_of("[::1]:1"), "::1");
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
  CAF_CHECK_EQUAL(reachable_at({{}, 0, "/run/a"}).unix_path, "/run/a");
  CAF_CHECK_EQUAL(reachable_at({{}, 0, "/run/a"}).host, "");
}
