// Work that takes turns with the sockets of its loop.
#include "transport/turn_queue.hpp"

#include "transport/byte_stream.hpp"
#include "transport/io_loop.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <utility>

using namespace status2::transport;

namespace {

/// Notes when its socket is ready.
struct reader final : watched_socket, std::enable_shared_from_this<reader> {
  reader(std::string& to, unique_fd end) : noted(to), own(std::move(end)) {}
  void on_ready(std::uint32_t) noexcept override {
    char byte = 0;
    ::recv(own.value(), &byte, 1, MSG_DONTWAIT);
    noted += 's';
  }
  std::string& noted;
  unique_fd own;
};

}  // namespace

CAF_TEST(a_socket_that_becomes_ready_waits_for_one_piece_of_work_at_most) {
  io_loop loop(0);
  std::string order;
  int ends[2] = {-1, -1};
  CAF_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const unique_fd client(ends[1]);
  const auto socket = std::make_shared<reader>(order, unique_fd(ends[0]));
  CAF_REQUIRE(!loop.sockets().add(socket->own.value(), socket));
  // Each piece makes the socket ready once more.
  for (int i = 0; i < 5; ++i)
    loop.handshakes().add([&] {
      order += 'w';
      ::send(client.value(), "x", 1, 0);
    });
  while (loop.context().poll_one() > 0) {
  }
  CAF_MESSAGE(order);
  // Never more than two pieces between two looks at the sockets: the one that
  // made it ready, and the next.
  CAF_CHECK(order.find("www") == std::string::npos);
  CAF_CHECK_EQUAL(std::ranges::count(order, 'w'), 5);
  CAF_CHECK_EQUAL(std::ranges::count(order, 's'), 5);
}

CAF_TEST(work_may_add_work_which_waits_for_its_turn) {
  io_loop loop(0);
  std::string order;
  loop.handshakes().add([&] {
    order += 'a';
    loop.handshakes().add([&] { order += 'c'; });
  });
  loop.handshakes().add([&] { order += 'b'; });
  while (loop.context().poll_one() > 0) {
  }
  CAF_CHECK_EQUAL(order, "abc");
}
