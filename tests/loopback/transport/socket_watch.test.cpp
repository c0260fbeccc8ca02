// Readiness over socket pairs, on an io_context that the test runs itself.
#include "transport/socket_watch.hpp"

#include "transport/upgrade.hpp"

#include <caf/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <sys/socket.h>

using namespace status2::transport;

namespace {

struct watcher final : watched_socket, std::enable_shared_from_this<watcher> {
  watcher() {
    int ends[2] = {-1, -1};
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
    own = unique_fd(ends[0]);
    peer = unique_fd(ends[1]);
  }
  void on_ready(std::uint32_t events) noexcept override {
    ++told;
    last = events;
    if (then) then();
  }
  void peer_sends() const { ::send(peer.value(), "x", 1, MSG_NOSIGNAL); }
  void read() const {
    char byte = 0;
    ::recv(own.value(), &byte, 1, 0);
  }

  unique_fd own;
  unique_fd peer;
  int told = 0;
  std::uint32_t last = 0;
  std::function<void()> then;
};

struct fixture {
  std::shared_ptr<watcher> watched() {
    auto made = std::make_shared<watcher>();
    CAF_CHECK(!sockets.add(made->own.value(),
                           std::shared_ptr<watched_socket>(made, made.get())));
    return made;
  }
  /// Runs what is ready; waits for nothing.
  void poll() {
    loop.restart();
    loop.poll();
  }

  boost::asio::io_context loop{1};
  socket_watch sockets{loop};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(socket_watch_tests, fixture)

CAF_TEST(who_is_readable_is_told_and_nobody_else) {
  const auto first = watched();
  const auto second = watched();
  first->then = [&] { first->read(); };
  first->peer_sends();
  poll();
  CAF_CHECK_EQUAL(first->told, 1);
  CAF_CHECK_EQUAL(first->last, std::uint32_t{EPOLLIN});
  CAF_CHECK_EQUAL(second->told, 0);
}

CAF_TEST(what_is_not_dealt_with_is_told_again) {
  const auto socket = watched();
  socket->then = [&] {
    if (socket->told == 3) socket->read();
  };
  socket->peer_sends();
  for (int i = 0; i < 5; ++i)
    poll();
  CAF_CHECK_EQUAL(socket->told, 3);
}

CAF_TEST(a_writable_socket_is_told_only_if_that_is_asked_for) {
  const auto socket = watched();
  poll();
  CAF_CHECK_EQUAL(socket->told, 0);
  socket->then = [&] { sockets.change(socket->own.value(), *socket, EPOLLIN); };
  sockets.change(socket->own.value(), *socket, EPOLLIN | EPOLLOUT);
  poll();
  CAF_CHECK_EQUAL(socket->told, 1);
  CAF_CHECK_EQUAL(socket->last, std::uint32_t{EPOLLOUT});
}

CAF_TEST(one_that_is_removed_in_a_batch_is_not_told_of_what_has_come) {
  const auto first = watched();
  const auto second = watched();
  const auto end = [&](watcher& other) {
    other.own = unique_fd();
    sockets.remove(other);
  };
  first->then = [&] {
    first->read();
    end(*second);
  };
  second->then = [&] {
    second->read();
    end(*first);
  };
  first->peer_sends();
  second->peer_sends();
  poll();
  CAF_CHECK_EQUAL(first->told + second->told, 1);
}

CAF_TEST(more_than_a_batch_is_told_of_all) {
  constexpr std::size_t many = 600;
  std::vector<std::shared_ptr<watcher>> all;
  for (std::size_t i = 0; i < many; ++i) {
    all.push_back(watched());
    all.back()->then = [one = all.back().get()] { one->read(); };
    all.back()->peer_sends();
  }
  for (int i = 0; i < 5; ++i)
    poll();
  for (const auto& one : all)
    CAF_CHECK_EQUAL(one->told, 1);
}

CAF_TEST(a_released_descriptor_stays_open_and_silent) {
  const auto socket = watched();
  CAF_CHECK(sockets.release(socket->own.value(), *socket) != nullptr);
  socket->peer_sends();
  poll();
  CAF_CHECK_EQUAL(socket->told, 0);
  char byte = 0;
  CAF_CHECK_EQUAL(::recv(socket->own.value(), &byte, 1, 0), 1);
}

CAF_TEST(a_socket_is_held_until_it_is_removed) {
  const auto socket = watched();
  CAF_CHECK_EQUAL(socket.use_count(), 2);
  CAF_CHECK(sockets.remove(*socket) != nullptr);
  CAF_CHECK_EQUAL(socket.use_count(), 1);
  CAF_CHECK(sockets.remove(*socket) == nullptr);
}

CAF_TEST(what_is_watched_ends_with_the_watch) {
  std::weak_ptr<watcher> seen;
  {
    boost::asio::io_context other{1};
    socket_watch ending{other};
    const auto made = std::make_shared<watcher>();
    seen = made;
    CAF_CHECK(!ending.add(made->own.value(),
                          std::shared_ptr<watched_socket>(made, made.get())));
  }
  CAF_CHECK(seen.expired());
}

CAF_TEST_FIXTURE_SCOPE_END()
