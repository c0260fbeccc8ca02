// All ways of sending, over socket pairs: what is promised of one is of all.
#include "transport/frame_sender.hpp"

#include "transport/upgrade.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <vector>

using namespace status2::transport;

namespace {

struct pair_of_sockets {
  pair_of_sockets() {
    int ends[2] = {-1, -1};
    // They would block: it is the sender that does not wait.
    ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    broker = byte_stream(unique_fd(ends[0]));
    client = unique_fd(ends[1]);
  }
  std::string received() const {
    std::string all(1 << 20, '\0');
    const auto count =
        ::recv(client.value(), all.data(), all.size(), MSG_DONTWAIT);
    all.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return all;
  }
  byte_stream broker;
  unique_fd client;
};

struct recording_target final : send_target {
  void on_sent(std::ptrdiff_t result) noexcept override {
    results.push_back(result);
  }
  std::vector<std::ptrdiff_t> results;
};

frame_ptr block_of(std::string bytes) {
  auto block = std::make_shared<frame_block>();
  block->bytes = std::move(bytes);
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

void break_rings() {
  for (const int ring : open_rings())
    ::dup2(unique_fd(::open("/dev/null", O_RDONLY)).value(), ring);
}

/// Ends the contexts of native AIO of this process: their names are the
/// addresses where the kernel maps them.
void break_aio() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find("/[aio]") != std::string::npos)
      ::syscall(SYS_io_destroy, std::stoul(line, nullptr, 16));
}

/// Sends the same to four clients, more than go one by one, and checks that
/// all have it, once.
void send_to_four(frame_sender& sender) {
  constexpr std::size_t clients = 4;
  std::array<pair_of_sockets, clients> pairs;
  std::array<recording_target, clients> targets;
  const auto block = block_of("frame");
  for (std::size_t i = 0; i < clients; ++i)
    sender.send(pairs[i].broker, *block, targets[i]);
  sender.flush();
  for (std::size_t i = 0; i < clients; ++i) {
    CAF_CHECK_EQUAL(pairs[i].received(), "frame");
    CAF_CHECK_EQUAL(targets[i].results, std::vector<std::ptrdiff_t>{5});
  }
}

/// The ways of this machine to send, each with counters of its own.
struct fixture {
  fixture() { std::signal(SIGPIPE, SIG_IGN); }

  template <class Check>
  void with_each(Check check) {
    for (const auto way :
         {io_backend::io_uring, io_backend::aio, io_backend::sendto}) {
      io_counters counters;
      frame_sender sender(way, counters);
      CAF_MESSAGE(name_of(way) << " is " << sender.call_name());
      check(sender, counters);
    }
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(frame_sender_tests, fixture)

CAF_TEST(the_best_way_is_taken_and_what_stands_before_a_better_one_is_named) {
  io_counters counters;
  const frame_sender sender(io_backend::automatic, counters);
  const bool uring = sender.backend() == io_backend::io_uring;
  CAF_CHECK_EQUAL(uring, sender.call_name() == "io_uring_enter");
  CAF_CHECK_EQUAL(uring, sender.obstacle().empty());
  CAF_CHECK_EQUAL(counters.io_uring_threads.value(), uring ? 1 : 0);
}

CAF_TEST(backends_have_the_names_of_the_configuration) {
  for (const auto backend : {io_backend::automatic, io_backend::io_uring,
                             io_backend::aio, io_backend::sendto})
    CAF_CHECK(backend_named(name_of(backend)) == backend);
  CAF_CHECK(backend_named("epoll") == io_backend::aio);
  CAF_CHECK(!backend_named("kqueue"));
  CAF_CHECK(!backend_named(""));
}

CAF_TEST(aio_falls_back_to_sendto_and_never_becomes_io_uring) {
  io_counters counters;
  const frame_sender sender(io_backend::aio, counters);
  CAF_CHECK_EQUAL(counters.io_uring_threads.value(), 0);
  const bool aio = sender.backend() == io_backend::aio;
  CAF_CHECK_EQUAL(sender.call_name(), aio ? "io_submit" : "sendto");
  CAF_CHECK_EQUAL(aio, sender.obstacle().empty());
  CAF_CHECK_EQUAL(counters.aio_threads.value(), aio ? 1 : 0);
}

CAF_TEST(aio_that_fails_is_replaced_by_sendto_with_the_reason) {
  io_counters counters;
  frame_sender sender(io_backend::aio, counters);
  if (sender.backend() == io_backend::aio) {
    break_aio();
    send_to_four(sender);
    CAF_CHECK_EQUAL(sender.obstacle(), "io_submit failed");
  }
  CAF_CHECK(sender.backend() == io_backend::sendto);
  CAF_CHECK(!sender.obstacle().empty());
  CAF_CHECK_EQUAL(counters.aio_threads.value(), 0);
}

CAF_TEST(sendto_is_one_call_per_frame_and_needs_no_reason) {
  io_counters counters;
  frame_sender sender(io_backend::sendto, counters);
  CAF_CHECK(sender.backend() == io_backend::sendto);
  CAF_CHECK_EQUAL(sender.call_name(), "sendto");
  CAF_CHECK_EQUAL(sender.obstacle(), "");
  send_to_four(sender);
  CAF_CHECK_EQUAL(counters.send_calls.value(), 4);
}

CAF_TEST(after_a_flush_every_client_has_its_bytes_and_every_target_was_told) {
  // More than two submissions take.
  constexpr std::size_t clients = 40;
  constexpr std::size_t sends = 1300;
  with_each([](frame_sender& sender, io_counters& counters) {
    const auto sends_before = counters.sends.value();
    const auto calls_before = counters.send_calls.value();
    std::vector<pair_of_sockets> pairs(clients);
    std::vector<recording_target> targets(sends);
    std::vector<frame_ptr> blocks;
    std::vector<std::string> expected(clients);
    for (std::size_t i = 0; i < sends; ++i) {
      blocks.push_back(block_of(std::to_string(i) + " "));
      expected[i % clients] += blocks[i]->bytes;
    }
    for (std::size_t i = 0; i < sends; ++i)
      sender.send(pairs[i % clients].broker, *blocks[i], targets[i]);
    sender.flush();
    for (std::size_t i = 0; i < sends; ++i) {
      const std::vector<std::ptrdiff_t> whole{
          static_cast<std::ptrdiff_t>(blocks[i]->bytes.size())};
      CAF_CHECK(targets[i].results == whole);
    }
    for (std::size_t i = 0; i < clients; ++i)
      CAF_CHECK_EQUAL(pairs[i].received(), expected[i]);
    // In batches of 512, and native AIO asks for the results as well.
    const auto way = sender.call_name();
    CAF_CHECK_EQUAL(counters.sends.value() - sends_before, std::int64_t{sends});
    CAF_CHECK_EQUAL(counters.send_calls.value() - calls_before,
                    way == "io_uring_enter" ? 3
                    : way == "io_submit"    ? 6
                                            : std::int64_t{sends});
  });
}

CAF_TEST(a_full_socket_takes_a_part_then_nothing_and_nobody_waits) {
  with_each([](frame_sender& sender, io_counters&) {
    pair_of_sockets full;
    std::array<pair_of_sockets, 3> others;
    recording_target first;
    recording_target second;
    const auto large = block_of(std::string(8 << 20, 'x'));
    const auto small = block_of("small");
    for (int i = 0; i < 2; ++i) {
      sender.send(full.broker, *large, first);
      for (auto& other : others)
        sender.send(other.broker, *small, second);
      sender.flush();
    }
    CAF_REQUIRE_EQUAL(first.results.size(), 2u);
    CAF_CHECK(first.results[0] > 0 && first.results[0] < 8 << 20);
    CAF_CHECK_EQUAL(first.results[1], -EAGAIN);
    for (const auto& other : others)
      CAF_CHECK_EQUAL(other.received(), "smallsmall");
  });
}

CAF_TEST(a_client_that_is_gone_fails_alone) {
  with_each([](frame_sender& sender, io_counters&) {
    pair_of_sockets gone;
    std::array<pair_of_sockets, 3> others;
    gone.client = unique_fd();
    recording_target first;
    recording_target second;
    const auto block = block_of("frame");
    sender.send(gone.broker, *block, first);
    for (auto& other : others)
      sender.send(other.broker, *block, second);
    sender.flush();
    CAF_CHECK_EQUAL(first.results, std::vector<std::ptrdiff_t>{-EPIPE});
    for (const auto& other : others)
      CAF_CHECK_EQUAL(other.received(), "frame");
  });
}

CAF_TEST(a_descriptor_that_is_none_fails_alone) {
  with_each([](frame_sender& sender, io_counters&) {
    std::array<pair_of_sockets, 4> pairs;
    std::array<recording_target, 5> targets;
    const auto block = block_of("frame");
    const auto way = sender.call_name();
    byte_stream none;
    // First, in the middle and last of a batch.
    sender.send(none, *block, targets[0]);
    for (std::size_t i = 0; i < 4; ++i) {
      sender.send(pairs[i].broker, *block, targets[i + 1]);
      if (i == 1) sender.send(none, *block, targets[0]);
    }
    sender.send(none, *block, targets[0]);
    sender.flush();
    CAF_CHECK_EQUAL(targets[0].results, std::vector<std::ptrdiff_t>(3, -EBADF));
    for (const auto& pair : pairs)
      CAF_CHECK_EQUAL(pair.received(), "frame");
    CAF_CHECK_EQUAL(sender.call_name(), way);
  });
}

CAF_TEST(what_fails_is_given_up_and_nothing_is_lost_or_sent_twice) {
  io_counters counters;
  frame_sender sender(io_backend::automatic, counters);
  int told = 0;
  sender.on_given_up([&] { ++told; });
  const int uring = sender.backend() == io_backend::io_uring ? 1 : 0;
  // Without io_uring nothing of it can fail; the rest holds all the same.
  break_rings();
  send_to_four(sender);
  CAF_CHECK(sender.backend() != io_backend::io_uring);
  CAF_CHECK_EQUAL(counters.io_uring_threads.value(), 0);
  CAF_CHECK_EQUAL(told, uring);
  if (uring == 1) CAF_CHECK_EQUAL(sender.obstacle(), "io_uring_enter failed");
  send_to_four(sender);
  // What took its place may fail too.
  const auto aio = static_cast<int>(counters.aio_threads.value());
  break_aio();
  send_to_four(sender);
  CAF_CHECK_EQUAL(sender.call_name(), "sendto");
  CAF_CHECK_EQUAL(counters.aio_threads.value(), 0);
  CAF_CHECK_EQUAL(told, uring + aio);
  CAF_CHECK_EQUAL(counters.batch_calls_given_up.value(), uring + aio);
  send_to_four(sender);
}

CAF_TEST(a_flush_of_nothing_tells_nobody) {
  with_each([](frame_sender& sender, io_counters& counters) {
    const auto before = counters.send_calls.value();
    sender.flush();
    CAF_CHECK_EQUAL(counters.send_calls.value(), before);
  });
}

CAF_TEST_FIXTURE_SCOPE_END()
