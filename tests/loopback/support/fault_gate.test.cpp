// The gate itself: what each verb does to bytes, and to their direction only.
#include "tests/support/fault_gate.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/tcp_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <caf/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace status2::support;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

/// Answers every read with the same bytes, and counts the reads.
class echo_server {
 public:
  echo_server()
      : acceptor_(loop_,
                  tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}) {
    accept();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~echo_server() {
    loop_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::size_t open() const { return open_; }
  std::size_t reads() const { return reads_; }

 private:
  struct client {
    explicit client(tcp::socket s) : socket(std::move(s)) {}
    tcp::socket socket;
    std::array<char, 65536> buffer{};
  };

  void accept() {
    acceptor_.async_accept([this](auto error, tcp::socket socket) {
      if (error) return;
      ++open_;
      read(std::make_shared<client>(std::move(socket)));
      accept();
    });
  }
  void read(const std::shared_ptr<client>& from) {
    auto& c = *from;
    c.socket.async_read_some(
        boost::asio::buffer(c.buffer), [this, from](auto error, std::size_t n) {
          if (error) {
            --open_;
            return;
          }
          ++reads_;
          boost::system::error_code ignored;
          boost::asio::write(from->socket,
                             boost::asio::buffer(from->buffer.data(), n),
                             ignored);
          read(from);
        });
  }

  boost::asio::io_context loop_{1};
  tcp::acceptor acceptor_;
  std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> reads_{0};
  std::thread thread_;
};

struct fixture {
  echo_server server;
  fault_gate gate{server.port()};
};

/// Whether `client` has received exactly `text` within `wait`.
bool receives(tcp_client& client, const std::string& text,
              std::chrono::nanoseconds wait = patience) {
  const auto until = std::chrono::steady_clock::now() + wait;
  while (client.buffer().size() < text.size() && client.receive(until)) {
  }
  return std::exchange(client.buffer(), {}) == text;
}

bool refused(std::uint16_t port) {
  try {
    const tcp_client client(port);
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

constexpr auto up = direction::to_server;
constexpr auto down = direction::to_client;

}  // namespace

CAF_TEST_FIXTURE_SCOPE(the_gate, fixture)

CAF_TEST(passes_bytes_both_ways) {
  tcp_client client(gate.port());
  const std::string large(1 << 20, 'x');
  client.send("hello");
  CAF_CHECK(receives(client, "hello"));
  client.send(large);
  CAF_CHECK(receives(client, large));
  CAF_CHECK_EQUAL(gate.connections(), 1u);
  client.finish();
  CAF_CHECK(eventually(patience, [&] { return server.open() == 0; }));
  CAF_CHECK(eventually(patience, [&] { return gate.open() == 0; }));
}

CAF_TEST(holds_what_is_stalled_and_lets_it_go_in_order) {
  tcp_client client(gate.port());
  client.send("a");
  CAF_REQUIRE(receives(client, "a"));
  for (auto where : {up, down}) {
    gate.stall(where);
    client.send("one ");
    client.send("two ");
    CAF_CHECK(!client.receive(std::chrono::steady_clock::now() + 50ms));
    gate.pass(where);
    client.send("three");
    CAF_CHECK(receives(client, "one two three"));
  }
}

CAF_TEST(swallows_what_is_dropped_and_its_end) {
  tcp_client client(gate.port());
  client.send("a");
  CAF_REQUIRE(receives(client, "a"));
  gate.drop(up);
  client.send("never");
  CAF_CHECK(!client.receive(std::chrono::steady_clock::now() + 50ms));
  gate.pass(up);
  client.send("again");
  CAF_CHECK(receives(client, "again"));
  gate.drop(up);
  client.reset();
  CAF_CHECK(eventually(patience, [&] { return gate.swallowed() == 1; }));
  tcp_client other(gate.port());
  gate.pass(up);
  other.send("marker");
  CAF_CHECK(receives(other, "marker"));
  CAF_CHECK_EQUAL(server.open(), 2u);
}

CAF_TEST(strands_what_is_open_and_serves_what_comes) {
  tcp_client client(gate.port());
  client.send("a");
  CAF_REQUIRE(receives(client, "a"));
  gate.strand();
  client.send("never");
  tcp_client next(gate.port());
  next.send("b");
  CAF_CHECK(receives(next, "b"));
  CAF_CHECK(!client.receive(std::chrono::steady_clock::now() + 50ms));
  CAF_CHECK(!client.closed());
  CAF_CHECK_EQUAL(server.open(), 2u);
}

CAF_TEST(delays_one_direction) {
  tcp_client client(gate.port());
  client.send("a");
  CAF_REQUIRE(receives(client, "a"));
  for (auto where : {up, down}) {
    gate.delay(where, 100ms);
    const auto sent = std::chrono::steady_clock::now();
    client.send("late");
    CAF_CHECK(receives(client, "late"));
    CAF_CHECK(std::chrono::steady_clock::now() - sent >= 100ms);
    gate.pass(where);
  }
}

CAF_TEST(cuts_bytes_into_small_parts) {
  tcp_client client(gate.port());
  gate.small_parts(up, 3);
  client.send("0123456789");
  CAF_CHECK(receives(client, "0123456789"));
  CAF_CHECK(server.reads() > 1);
}

CAF_TEST(closes_on_the_first_byte) {
  tcp_client client(gate.port());
  client.send("a");
  CAF_REQUIRE(receives(client, "a"));
  gate.close_on_data(down);
  client.send("b");
  CAF_CHECK(!client.receive(std::chrono::steady_clock::now() + patience));
  CAF_CHECK(client.closed());
  CAF_CHECK(eventually(patience, [&] { return server.open() == 0; }));
}

CAF_TEST(resets_what_is_open_and_serves_what_comes) {
  tcp_client client(gate.port());
  client.send("a");
  CAF_REQUIRE(receives(client, "a"));
  gate.reset();
  CAF_CHECK(!client.receive(std::chrono::steady_clock::now() + patience));
  CAF_CHECK(client.closed());
  tcp_client next(gate.port());
  next.send("b");
  CAF_CHECK(receives(next, "b"));
}

CAF_TEST(refuses_new_connections_and_keeps_the_old) {
  tcp_client client(gate.port());
  client.send("a");
  CAF_REQUIRE(receives(client, "a"));
  gate.refuse(true);
  CAF_CHECK(refused(gate.port()));
  client.send("b");
  CAF_CHECK(receives(client, "b"));
  gate.refuse(false);
  tcp_client next(gate.port());
  next.send("c");
  CAF_CHECK(receives(next, "c"));
}

CAF_TEST(refuses_one_address_and_serves_the_others) {
  tcp_client client(gate.port());
  client.send("a");
  CAF_REQUIRE(receives(client, "a"));
  gate.refuse_from("127.0.0.2", true);
  client.send("b");
  CAF_CHECK(receives(client, "b"));
  gate.refuse_from("127.0.0.1", true);
  CAF_CHECK(!client.receive(std::chrono::steady_clock::now() + patience));
  CAF_CHECK(client.closed());
  tcp_client refused_now(gate.port());
  CAF_CHECK(!refused_now.receive(std::chrono::steady_clock::now() + patience));
  CAF_CHECK(refused_now.closed());
  gate.refuse_from("127.0.0.1", false);
  tcp_client next(gate.port());
  next.send("c");
  CAF_CHECK(receives(next, "c"));
}

CAF_TEST_FIXTURE_SCOPE_END()
