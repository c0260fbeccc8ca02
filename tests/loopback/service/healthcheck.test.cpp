#include "service/healthcheck.hpp"

#include "tests/support/full_listener.hpp"
#include "tests/support/name_table.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <caf/test/unit_test.hpp>

#include <string>
#include <thread>

using status2::service::healthcheck;
using status2::support::full_listener;
using status2::support::name_table;

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

/// Answers one request with fixed bytes and keeps what was asked.
class answering_server {
 public:
  explicit answering_server(std::string answer)
      : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}),
        thread_([this, answer = std::move(answer)] { serve(answer); }) {}
  ~answering_server() { join(); }
  answering_server(const answering_server&) = delete;
  answering_server& operator=(const answering_server&) = delete;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string address() const { return ":" + std::to_string(port()); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  std::string asked;

 private:
  void serve(const std::string& answer) {
    auto socket = acceptor_.accept();
    boost::system::error_code error;
    asio::read_until(socket, asio::dynamic_buffer(asked), "\r\n\r\n", error);
    asio::write(socket, asio::buffer(answer), error);
    // An unfinished answer is followed by silence, until the client leaves.
    char more = 0;
    socket.read_some(asio::buffer(&more, 1), error);
  }

  asio::io_context context_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

std::string checked(const std::string& address) {
  status2::service::configuration values;
  values.listen_addr = {address};
  return healthcheck(values);
}

}  // namespace

CAF_TEST(an answer of 200 is healthy) {
  answering_server server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
  CAF_CHECK_EQUAL(checked(server.address()), std::string());
  server.join();
  CAF_CHECK(server.asked.starts_with("GET /health HTTP/1.1\r\n"));
  CAF_CHECK(server.asked.find("Host: ") != std::string::npos);
}

CAF_TEST(another answer is named) {
  answering_server server(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  CAF_CHECK_EQUAL(checked(server.address()),
                  server.address() + ": /health answered 503");
}

CAF_TEST(silence ends after three seconds) {
  answering_server server("HTTP/1.1 200 OK\r\n");
  const auto start = std::chrono::steady_clock::now();
  CAF_CHECK_EQUAL(checked(server.address()),
                  server.address() + ": no answer within 3s");
  const auto taken = std::chrono::steady_clock::now() - start;
  CAF_CHECK(taken >= std::chrono::milliseconds{2900});
  CAF_CHECK(taken < std::chrono::seconds{10});
}

CAF_TEST(an address of the name that drops packets is passed over) {
  answering_server server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
  const full_listener dead("127.0.0.2", server.port());
  name_table names;
  names.set("two.test", {"127.0.0.2", "127.0.0.1"});
  CAF_CHECK_EQUAL(checked("two.test" + server.address()), std::string());
}

CAF_TEST(nobody there is told) {
  std::string address;
  {
    asio::io_context context;
    const tcp::acceptor gone(context, {asio::ip::address_v4::loopback(), 0});
    address = ":" + std::to_string(gone.local_endpoint().port());
  }
  CAF_CHECK_EQUAL(checked(address), address + ": Connection refused");
}
