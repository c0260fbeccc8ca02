// One connection on a loop that this thread turns by hand, so that each cut,
// each half-close and each reset happens exactly when it should.
#include "transport/http_connection.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/failing_new.hpp"
#include "tests/support/tcp_client.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <deque>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

using namespace status2::transport;
using namespace std::chrono_literals;
using boost::asio::ip::address_v4;
using status2::support::end_failures;
using status2::support::eventually;
using status2::support::fail_allocations;
using status2::support::patience;

namespace {

const std::string get = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string get_large = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string command =
    "POST /chaos/kill?now HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
    "Content-Length: 4\r\n\r\nbody";
const std::string upgrade =
    "GET /run:channel?gap=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct asked_command {
  command_request request;
  answer_function answer;
};

/// What the listener's owner was told.
struct record {
  std::string large = std::string(4'000'000, 'm');
  std::deque<asked_command> commands;
  std::vector<upgrade_request> upgrades;
  std::vector<refusal> refusals;
  std::vector<std::string> failures;
  std::vector<std::string> failed_handshakes;
};

class recording_events final : public listener_events {
 public:
  explicit recording_events(record& to) : to_(to) {}
  void on_page(const page_request& request, answer_function answer) override {
    const auto page = request.page;
    if (page == resource::ready) throw std::runtime_error("a bug");
    answer({200, "text/plain", page == resource::metrics ? to_.large : "OK"});
  }
  std::optional<http_reply> on_command_head(
      const command_request& request) override {
    if (request.authorization == "Bearer t") return std::nullopt;
    return http_reply{401, "text/plain", "no token"};
  }
  void on_command(command_request&& request, answer_function answer) override {
    to_.commands.push_back({std::move(request), std::move(answer)});
  }
  admission_result on_admission(const address&) override {
    return {std::make_shared<int>()};
  }
  void on_refused(const refused_request& request) override {
    to_.refusals.push_back(request.why);
  }
  void on_upgrade(upgrade_request&& request) override {
    to_.upgrades.push_back(std::move(request));
  }
  void on_tls_failed(std::string_view, std::string_view problem) override {
    to_.failed_handshakes.emplace_back(problem);
  }
  void on_accept_error(const boost::system::error_code&) override {}
  void on_request_failed(std::string_view what) noexcept override {
    to_.failures.emplace_back(what);
  }

 private:
  record& to_;
};

/// The two ends of a connection over loopback.
std::pair<unique_fd, unique_fd> connected() {
  const unique_fd door(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const name = reinterpret_cast<sockaddr*>(&where);
  socklen_t length = sizeof where;
  if (::bind(door.value(), name, length) != 0 ||
      ::listen(door.value(), 1) != 0 ||
      ::getsockname(door.value(), name, &length) != 0 ||
      ::connect(client.value(), name, length) != 0)
    throw std::runtime_error("no loopback connection");
  unique_fd server(
      ::accept4(door.value(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const int on = 1;
  ::setsockopt(server.value(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {std::move(server), std::move(client)};
}

struct fixture {
  explicit fixture(std::size_t rate = 0) {
    listener_settings settings;
    settings.accept_rate = rate;
    context = std::make_shared<http_context>(
        loop, settings, std::make_unique<recording_events>(told));
  }

  /// The client's end of a new connection, `first` sent before it is served.
  unique_fd open(std::string_view first = {},
                 const address& from = address_v4::loopback()) {
    auto [server, client] = connected();
    send(client, first);
    std::make_shared<http_connection>(context, std::move(server),
                                      status2::transport::peer{from, 7})
        ->start();
    return std::move(client);
  }
  static void send(const unique_fd& to, std::string_view bytes) {
    ::send(to.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// What is there for the client now; nothing at its end of stream.
  static std::optional<std::string> received(const unique_fd& from) {
    return received(from.value());
  }
  static std::optional<std::string> received(int from) {
    std::array<char, 65536> bytes;
    const auto count = ::recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count == 0) return std::nullopt;
    if (count < 0) return errno == EAGAIN ? std::optional("") : std::nullopt;
    return std::string(bytes.data(), static_cast<std::size_t>(count));
  }
  /// Turns the loop until it has nothing to do; false if that never comes.
  bool quiet() {
    constexpr int many = 1000;
    for (int i = 0; i < many; ++i)
      if (loop.context().poll_one() == 0) return true;
    return false;
  }
  template <class Predicate>
  bool turn_until(Predicate done) {
    return eventually(patience, [&] { return quiet() && done(); });
  }
  /// All that comes until it contains `wanted`.
  std::string read_until(const unique_fd& from, std::string_view wanted) {
    std::string all;
    turn_until([&] {
      while (const auto bytes = received(from)) {
        if (bytes->empty()) return all.find(wanted) != std::string::npos;
        all += *bytes;
      }
      return true;
    });
    return all;
  }
  void answer_command() {
    const auto asked = std::move(told.commands.front());
    told.commands.pop_front();
    asked.answer({200, "text/plain", "killed"});
  }
  bool nobody_left() {
    return turn_until([&] { return context->connections.empty(); });
  }

  io_loop loop{0};
  std::shared_ptr<http_context> context;
  record told;  ///< goes first: an answer not given belongs to the loop
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + 1))
    ++found;
  return found;
}

void reset(unique_fd client) {
  const linger at_once{1, 0};
  ::setsockopt(client.value(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

CAF_TEST(a_request_for_a_channel_may_be_cut_anywhere) {
  fixture here;
  const auto all = upgrade + "frames";
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    const auto client = here.open(all.substr(0, cut));
    CAF_REQUIRE(here.quiet());
    here.send(client, all.substr(cut));
    CAF_REQUIRE(here.turn_until([&] { return !here.told.upgrades.empty(); }));
    const auto request = std::move(here.told.upgrades.front());
    here.told.upgrades.clear();
    CAF_CHECK_EQUAL(request.channel.full, "run:channel");
    CAF_CHECK(request.options.gaps);
    CAF_CHECK_EQUAL(request.key, "dGhlIHNhbXBsZSBub25jZQ==");
    CAF_CHECK_EQUAL(request.remote, "127.0.0.1:7");
    // What was not read with the header is still in the socket.
    auto got = request.leftover;
    CAF_CHECK(eventually(patience, [&] {
      got += here.received(request.stream.fd()).value_or("gone");
      return got == "frames";
    }));
  }
  CAF_CHECK(here.context->connections.empty());
}

CAF_TEST(a_command_may_be_cut_anywhere) {
  fixture here;
  for (std::size_t cut = 0; cut <= command.size(); ++cut) {
    const auto client = here.open(command.substr(0, cut));
    CAF_REQUIRE(here.quiet());
    here.send(client, command.substr(cut));
    CAF_REQUIRE(here.turn_until([&] { return !here.told.commands.empty(); }));
    const auto asked = std::move(here.told.commands.front());
    here.told.commands.clear();
    CAF_CHECK(asked.request.command == resource::chaos_kill);
    CAF_CHECK(asked.request.method_allowed);
    CAF_CHECK_EQUAL(asked.request.path, "/chaos/kill");
    CAF_CHECK_EQUAL(asked.request.authorization, "Bearer t");
    CAF_CHECK_EQUAL(asked.request.body, "body");
    asked.answer({200, "text/plain", "killed"});
    const auto answer = here.read_until(client, "killed");
    CAF_CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  }
  CAF_CHECK(here.nobody_left());
}

CAF_TEST(requests_sent_together_are_answered_in_order) {
  fixture here;
  const auto client = here.open(get + command + get + upgrade + "frames");
  CAF_REQUIRE(here.turn_until([&] { return !here.told.commands.empty(); }));
  CAF_CHECK_EQUAL(count(here.read_until(client, "OK"), "HTTP/1.1"), 1u);
  here.answer_command();
  CAF_REQUIRE(here.turn_until([&] { return !here.told.upgrades.empty(); }));
  const auto answers = here.read_until(client, "\r\n\r\nOK");
  CAF_CHECK(answers.find("killed") < answers.find("\r\n\r\nOK"));
  CAF_CHECK_EQUAL(here.told.upgrades.front().leftover, "frames");
}

CAF_TEST(who_sends_many_requests_lets_others_through) {
  fixture here;
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += get;
  const auto greedy = here.open(many);
  const auto modest = here.open(get);
  std::string answers;
  for (int i = 0; i < 20; ++i)
    here.loop.context().poll_one();
  answers += here.received(greedy).value_or("");
  CAF_CHECK(eventually(patience, [&] {
    return here.received(modest).value_or("").ends_with("OK");
  }));
  CAF_CHECK(count(answers, "HTTP/1.1") < 100);
  CAF_CHECK(here.turn_until([&] {
    answers += here.received(greedy).value_or("");
    return count(answers, "HTTP/1.1") == 100;
  }));
}

CAF_TEST(an_answer_larger_than_the_socket_takes_arrives_whole) {
  fixture here;
  const auto client = here.open(get_large + get);
  CAF_CHECK(here.quiet());
  here.send(client, get);  // nobody reads it yet, and nobody spins for it
  CAF_CHECK(here.quiet());
  std::string all;
  CAF_CHECK(here.turn_until([&] {
    all += here.received(client).value_or("");
    return count(all, "HTTP/1.1") == 3 && all.ends_with("OK");
  }));
  CAF_CHECK_EQUAL(count(all, here.told.large), 1u);
}

CAF_TEST(a_client_that_sends_no_more_gets_its_answer_and_costs_nothing) {
  fixture here;
  const auto asks = here.open();
  const auto reads_late = here.open();
  here.send(asks, command);
  here.send(reads_late, get_large);
  CAF_REQUIRE(here.turn_until([&] { return !here.told.commands.empty(); }));
  for (const auto* client : {&asks, &reads_late})
    ::shutdown(client->value(), SHUT_WR);
  CAF_CHECK(here.quiet());
  CAF_CHECK(here.quiet());
  here.answer_command();
  CAF_CHECK_EQUAL(count(here.read_until(asks, "killed"), "killed"), 1u);
  CAF_CHECK_EQUAL(
      count(here.read_until(reads_late, here.told.large), here.told.large), 1u);
  CAF_CHECK(here.nobody_left());
}

CAF_TEST(a_reset_ends_the_connection_wherever_it_is) {
  fixture here(20);
  auto half = here.open(get.substr(0, 20));
  auto asks = here.open();
  here.send(asks, command);
  auto late = here.open(get_large);
  auto more = here.open(get);
  auto ending = here.open("no request\r\n\r\n");
  CAF_REQUIRE(here.quiet());
  CAF_CHECK_EQUAL(here.context->connections.size(), 5u);
  for (auto* client : {&half, &asks, &late, &more, &ending})
    reset(std::move(*client));
  // The answer that is to come still knows its connection.
  CAF_REQUIRE(
      here.turn_until([&] { return here.context->connections.size() == 1; }));
  here.answer_command();
  CAF_CHECK(here.nobody_left());
}

CAF_TEST(a_bug_ends_its_connection_and_is_told) {
  fixture here;
  const auto broken = here.open("GET /ready HTTP/1.1\r\nHost: x\r\n\r\n");
  CAF_CHECK(here.nobody_left());
  CAF_CHECK_EQUAL(here.told.failures, std::vector<std::string>{"a bug"});
  CAF_CHECK_EQUAL(here.loop.counters().requests_failed.value(), 1);
  CAF_CHECK_EQUAL(here.received(broken).value_or("closed"), "closed");
}

CAF_TEST(who_is_held_back_waits_for_nothing_else) {
  fixture here(20);  // two at once, one each 50 ms
  std::vector<unique_fd> clients;
  for (int i = 0; i < 4; ++i)
    clients.push_back(here.open(upgrade));
  clients.push_back(here.open());  // its socket is watched already
  here.send(clients.back(), upgrade);
  CAF_CHECK(here.quiet());
  const auto& waiting = here.loop.counters().handshakes_waiting;
  CAF_CHECK_EQUAL(here.told.upgrades.size(), 2u);
  CAF_CHECK_EQUAL(waiting.value(), 3);
  here.send(clients.back(), "frames");
  CAF_CHECK(here.quiet());
  CAF_CHECK(here.turn_until([&] { return here.told.upgrades.size() == 5; }));
  CAF_CHECK_EQUAL(waiting.value(), 0);
  CAF_CHECK(here.context->connections.empty());
  CAF_CHECK_EQUAL(
      here.received(here.told.upgrades.back().stream.fd()).value_or(""),
      "frames");
}

CAF_TEST(addresses_take_turns_at_the_gate) {
  fixture here(20);  // two at once, one each 50 ms
  std::vector<unique_fd> clients;
  const auto crowd = boost::asio::ip::make_address("10.0.0.1");
  for (int i = 0; i < 8; ++i)
    clients.push_back(here.open(upgrade, crowd));
  clients.push_back(
      here.open(upgrade, boost::asio::ip::make_address("10.0.0.2")));
  CAF_CHECK_EQUAL(here.loop.counters().handshakes_waiting.value(), 7);
  CAF_REQUIRE(here.turn_until([&] { return here.told.upgrades.size() >= 4; }));
  // The crowd's third one had its turn before.
  CAF_CHECK_EQUAL(here.told.upgrades[3].remote, "10.0.0.2:7");
  CAF_CHECK(here.turn_until([&] { return here.told.upgrades.size() == 9; }));
  CAF_CHECK_EQUAL(here.loop.counters().handshakes_waiting.value(), 0);
}

CAF_TEST(who_is_held_back_is_dropped_at_the_end) {
  fixture here(1);
  const auto first = here.open(upgrade);
  const auto second = here.open(upgrade);
  CAF_CHECK_EQUAL(here.loop.counters().handshakes_waiting.value(), 1);
  here.context->connections.front().stop();
  CAF_CHECK(here.context->connections.empty());
  CAF_CHECK_EQUAL(here.loop.counters().handshakes_waiting.value(), 0);
  CAF_CHECK(!here.received(second));
}

CAF_TEST(whichever_allocation_fails_the_request_is_answered_503_or_closed) {
  const std::string long_path(300, 'p');
  const std::string refused =
      "GET /" + long_path + " HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const auto& text : {get, command, upgrade, refused}) {
    std::size_t refusals = 0;
    std::size_t failed = 1;
    for (std::size_t allowed = 0; failed > 0; ++allowed) {
      fixture here;
      here.told.refusals.reserve(4);
      auto client = here.open();
      here.send(client, text);
      fail_allocations(allowed);
      here.quiet();
      failed = end_failures();
      if (!here.told.commands.empty()) here.answer_command();
      here.told.upgrades.clear();
      const auto answer = here.read_until(client, "HTTP/1.1");
      if (answer.starts_with("HTTP/1.1 503")) {
        ++refusals;
        CAF_CHECK(here.told.refusals.back() == refusal::out_of_memory);
        CAF_CHECK(answer.ends_with("out of memory\n"));
      }
      CAF_CHECK(here.told.failures.empty());
      reset(std::move(client));
      CAF_CHECK(here.nobody_left());
    }
    CAF_CHECK(refusals > 0);
  }
}

CAF_TEST(whichever_allocation_fails_at_the_gate_its_address_is_served) {
  const auto from = boost::asio::ip::make_address("10.0.0.1");
  std::size_t failed = 1;
  for (std::size_t allowed = 0; failed > 0; ++allowed) {
    fixture here(20);  // two at once, one each 50 ms
    const auto first = here.open(upgrade);
    const auto second = here.open(upgrade);
    auto client = here.open({}, from);
    here.send(client, upgrade);
    fail_allocations(allowed);
    here.quiet();
    failed = end_failures();
    reset(std::move(client));
    CAF_CHECK(here.turn_until(
        [&] { return here.loop.counters().handshakes_waiting.value() == 0; }));
    const auto before = here.told.upgrades.size();
    const auto next = here.open(upgrade, from);
    CAF_CHECK(
        here.turn_until([&] { return here.told.upgrades.size() > before; }));
  }
}
