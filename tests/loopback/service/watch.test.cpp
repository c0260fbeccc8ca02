#include "service/watch.hpp"

#include "tests/support/full_listener.hpp"
#include "tests/support/name_table.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <caf/test/unit_test.hpp>

#include <sstream>
#include <string>
#include <thread>

using namespace status2::service;
using status2::support::full_listener;
using status2::support::name_table;

namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;

/// Takes one client, sends it one message and waits for its close.
class one_message_server {
 public:
  explicit one_message_server(std::string frame)
      : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}),
        thread_([this, frame = std::move(frame)] { serve(frame); }) {}
  ~one_message_server() { join(); }
  one_message_server(const one_message_server&) = delete;
  one_message_server& operator=(const one_message_server&) = delete;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  std::string init;  ///< what the client said first

 private:
  void serve(const std::string& frame) {
    websocket::stream<tcp::socket> stream(acceptor_.accept());
    boost::system::error_code error;
    stream.accept(error);
    boost::beast::flat_buffer buffer;
    stream.read(buffer, error);
    init = boost::beast::buffers_to_string(buffer.data());
    stream.text(true);
    stream.write(asio::buffer(frame), error);
    while (!error)
      stream.read(buffer, error);
  }

  asio::io_context context_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace

CAF_TEST(an_address_of_the_name_that_drops_packets_is_passed_over) {
  one_message_server server(R"({"type":"status","data":"hello"})");
  const full_listener dead("127.0.0.2", server.port());
  name_table names;
  names.set("two.test", {"127.0.0.2", "127.0.0.1"});
  const auto target = parse_watch_url(
      "ws://two.test:" + std::to_string(server.port()) + "/run:log");
  CAF_REQUIRE(target.has_value());
  std::ostringstream out;
  std::ostringstream notes;
  CAF_CHECK_EQUAL(watch(*target, {.count = 1}, out, notes), "");
  server.join();
  CAF_CHECK_EQUAL(server.init, R"({"type":"init"})");
  CAF_CHECK_EQUAL(out.str(), "hello\n");
  CAF_CHECK_EQUAL(notes.str(), "status2: connected\n");
}
