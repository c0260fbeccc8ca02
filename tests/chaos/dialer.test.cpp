// A port without a listener that the kernel hands out as a client's own: TCP
// then connects the port to itself.
#include "redis/dialer.hpp"

#include <caf/test/unit_test.hpp>

#include <fstream>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t port = 40000;

/// Gives this thread a network of its own, with a loopback interface and two
/// ports for clients. Needs root. Returns whether that worked.
bool enter_small_network() {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback{};
  loopback.ifr_name[0] = 'l';
  loopback.ifr_name[1] = 'o';
  loopback.ifr_flags = IFF_UP;
  const bool up = ::ioctl(any, SIOCSIFFLAGS, &loopback) == 0;
  ::close(any);
  std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
  range << port << ' ' << port + 1 << std::flush;
  return up && range.good();
}

struct result {
  bool ready = false;
  bool connected = false;
  std::size_t unanswered = 0;
  std::string error;
};

result knock() {
  result seen;
  seen.ready = enter_small_network();
  boost::asio::io_context loop{1};
  dial_events events;
  events.connected = [&](dialed_socket, const endpoint&) {
    seen.connected = true;
  };
  events.failed = [&](const std::string& error) { seen.error = error; };
  events.unanswered = [&](const std::string&) { ++seen.unanswered; };
  dial(loop, {{"127.0.0.1", port}}, {.timeout = 2s, .knocks = true}, events);
  loop.run();
  return seen;
}

}  // namespace

CAF_TEST(a_port_that_is_connected_to_itself_is_a_refused_connection) {
  result seen;
  std::thread([&] { seen = knock(); }).join();
  CAF_REQUIRE(seen.ready);
  CAF_CHECK(!seen.connected);
  CAF_CHECK_LESS(0u, seen.unanswered);
  CAF_CHECK_EQUAL(seen.error, "Connection refused");
}
