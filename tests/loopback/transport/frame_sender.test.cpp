// Both ways of sending, over socket pairs: what is promised of one is of both.
#include "transport/frame_sender.hpp"

#include "transport/upgrade.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

using namespace status2::transport;

namespace {

struct pair_of_sockets {
  pair_of_sockets() {
    int ends[2] = {-1, -1};
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
    broker = unique_fd(ends[0]);
    client = unique_fd(ends[1]);
  }
  std::string received() const {
    std::string all(1 << 20, '\0');
    const auto count = ::recv(client.value(), all.data(), all.size(), 0);
    all.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return all;
  }
  unique_fd broker;
  unique_fd client;
};

struct recording_target final : send_target {
  void on_sent(std::ptrdiff_t result) noexcept override {
    results.push_back(result);
  }
  std::vector<std::ptrdiff_t> results;
};

/// The target learns the result, whichever way it comes.
void send(frame_sender& sender, int fd, const frame_block& block,
          recording_target& target) {
  if (const auto result = sender.send(fd, block, target))
    target.on_sent(*result);
}

frame_block block_of(std::string bytes) {
  frame_block block;
  block.bytes = std::move(bytes);
  return block;
}

/// Descriptors of this process that are io_urings.
std::vector<int> open_rings() {
  std::vector<int> rings;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry, error) == "anon_inode:[io_uring]")
      rings.push_back(std::stoi(entry.path().filename()));
  }
  return rings;
}

/// The backends of this machine, each with counters of its own.
struct fixture {
  template <class Check>
  void with_each(Check check) {
    for (const auto wanted : {io_backend::epoll, io_backend::io_uring}) {
      io_counters counters;
      const auto sender = make_frame_sender(wanted, counters);
      CAF_MESSAGE(name_of(wanted) << " is " << name_of(sender->backend()));
      check(*sender, counters);
    }
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(frame_sender_tests, fixture)

CAF_TEST(io_uring_is_there_unless_something_stands_in_its_way) {
  io_counters counters;
  const auto sender = make_frame_sender(io_backend::automatic, counters);
  const bool uring = sender->backend() == io_backend::io_uring;
  CAF_CHECK_EQUAL(uring, io_uring_obstacle().empty());
  CAF_CHECK_EQUAL(counters.io_uring_threads.value(), uring ? 1 : 0);
}

CAF_TEST(epoll_is_what_it_is_if_it_is_asked_for) {
  io_counters counters;
  CAF_CHECK(make_frame_sender(io_backend::epoll, counters)->backend() ==
            io_backend::epoll);
  CAF_CHECK_EQUAL(counters.io_uring_threads.value(), 0);
}

CAF_TEST(after_a_flush_every_client_has_its_bytes_and_every_target_was_told) {
  // More than two submissions take.
  constexpr std::size_t clients = 40;
  constexpr std::size_t sends = 1300;
  with_each([](frame_sender& sender, io_counters& counters) {
    std::vector<pair_of_sockets> pairs(clients);
    std::vector<recording_target> targets(sends);
    std::vector<frame_block> blocks;
    std::vector<std::string> expected(clients);
    for (std::size_t i = 0; i < sends; ++i) {
      blocks.push_back(block_of(std::to_string(i) + " "));
      expected[i % clients] += blocks[i].bytes;
    }
    for (std::size_t i = 0; i < sends; ++i)
      send(sender, pairs[i % clients].broker.value(), blocks[i], targets[i]);
    sender.flush();
    for (std::size_t i = 0; i < sends; ++i) {
      const std::vector<std::ptrdiff_t> whole{
          static_cast<std::ptrdiff_t>(blocks[i].bytes.size())};
      CAF_CHECK(targets[i].results == whole);
    }
    for (std::size_t i = 0; i < clients; ++i)
      CAF_CHECK_EQUAL(pairs[i].received(), expected[i]);
    const bool uring = sender.backend() == io_backend::io_uring;
    CAF_CHECK_EQUAL(counters.sends.value(), std::int64_t{sends});
    CAF_CHECK_EQUAL(counters.send_calls.value(),
                    uring ? 3 : std::int64_t{sends});
  });
}

CAF_TEST(a_full_socket_takes_a_part_then_nothing_and_nobody_waits) {
  with_each([](frame_sender& sender, io_counters&) {
    pair_of_sockets full;
    pair_of_sockets other;
    recording_target first;
    recording_target second;
    const auto large = block_of(std::string(8 << 20, 'x'));
    const auto small = block_of("small");
    for (int i = 0; i < 2; ++i) {
      send(sender, full.broker.value(), large, first);
      send(sender, other.broker.value(), small, second);
      sender.flush();
    }
    CAF_REQUIRE_EQUAL(first.results.size(), 2u);
    CAF_CHECK(first.results[0] > 0 && first.results[0] < 8 << 20);
    CAF_CHECK_EQUAL(first.results[1], -EAGAIN);
    CAF_CHECK_EQUAL(other.received(), "smallsmall");
  });
}

CAF_TEST(a_client_that_is_gone_fails_alone) {
  with_each([](frame_sender& sender, io_counters&) {
    pair_of_sockets gone;
    pair_of_sockets other;
    gone.client = unique_fd();
    recording_target first;
    recording_target second;
    const auto block = block_of("frame");
    send(sender, gone.broker.value(), block, first);
    send(sender, other.broker.value(), block, second);
    sender.flush();
    CAF_CHECK_EQUAL(first.results, std::vector<std::ptrdiff_t>{-EPIPE});
    CAF_CHECK_EQUAL(other.received(), "frame");
  });
}

CAF_TEST(a_ring_that_fails_is_given_up_and_nothing_is_lost_or_sent_twice) {
  io_counters counters;
  const auto sender = make_frame_sender(io_backend::automatic, counters);
  // Without io_uring nothing of it can fail; the rest holds all the same.
  for (const int ring : open_rings())
    ::dup2(unique_fd(::open("/dev/null", O_RDONLY)).value(), ring);
  std::array<pair_of_sockets, 3> pairs;
  std::array<recording_target, 3> targets;
  const auto block = block_of("frame");
  const auto whole = static_cast<std::ptrdiff_t>(block.bytes.size());
  for (std::size_t rounds = 1; rounds <= 2; ++rounds) {
    for (std::size_t i = 0; i < pairs.size(); ++i)
      send(*sender, pairs[i].broker.value(), block, targets[i]);
    sender->flush();
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      CAF_CHECK_EQUAL(pairs[i].received(), "frame");
      CAF_CHECK_EQUAL(targets[i].results,
                      std::vector<std::ptrdiff_t>(rounds, whole));
    }
  }
  CAF_CHECK(sender->backend() == io_backend::epoll);
  CAF_CHECK_EQUAL(counters.io_uring_threads.value(), 0);
}

CAF_TEST(a_flush_of_nothing_tells_nobody) {
  with_each([](frame_sender& sender, io_counters& counters) {
    sender.flush();
    CAF_CHECK_EQUAL(counters.send_calls.value(), 0);
  });
}

CAF_TEST_FIXTURE_SCOPE_END()
