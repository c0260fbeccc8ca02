// TLS in front of a listener: who gets in, what is carried, and what is kept.
#include "tests/support/authority.hpp"
#include "tests/support/event_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/tcp_client.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"
#include "transport/tls_context.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;
using transport::close_reason;
using transport::tls_context;
using transport::tls_problem;

namespace {

/// Made once: openssl(1) takes its time.
authority& trusted() {
  static const auto made = [] {
    auto one = std::make_unique<authority>("status2 test");
    one->sign("server", "localhost", "DNS:localhost,IP:127.0.0.1");
    one->sign("client", "somebody", "");
    return one;
  }();
  return *made;
}

transport::tls_files files() {
  return {trusted().file("server.pem"), trusted().file("server.key"), {}};
}

std::shared_ptr<const tls_context> load(const transport::tls_files& from) {
  tls_problem problem;
  auto context = tls_context::load(from, problem);
  if (!context) throw std::runtime_error(problem.text);
  return context;
}

transport_options over_tls(transport::tls_files from = files()) {
  transport_options options;
  options.session.ping_interval = 1h;
  options.listener.tls = load(from);
  return options;
}

tcp_client secured(const transport_server& server,
                   const tls_client_options& options = {}) {
  tcp_client client(server.port());
  client.secure(options);
  return client;
}

/// A viewer for whom the kernel takes little.
viewer small_viewer(const transport_server& server, std::string_view target) {
  tcp_client connection(server.port());
  connection.receive_buffer(65536);
  connection.secure();
  return {std::move(connection), target};
}

/// Why the handshake does not come about; empty if it does.
std::string refused(const transport_server& server,
                    const tls_client_options& options) {
  try {
    auto client = secured(server, options);
    // In TLS 1.3 the client is done before the server has judged it.
    client.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    return read_response(client).status == 200 ? "" : "no answer";
  } catch (const std::runtime_error& problem) {
    return problem.what();
  }
}

tls_problem problem_of(const transport::tls_files& from) {
  tls_problem problem;
  CAF_CHECK(tls_context::load(from, problem) == nullptr);
  CAF_MESSAGE(problem.text);
  CAF_CHECK(!problem.text.empty());
  return problem;
}

/// Passes one connection on to a port, what the client sends in single bytes.
class dripping_relay {
 public:
  explicit dripping_relay(std::uint16_t to) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    auto* const name = reinterpret_cast<sockaddr*>(&where);
    if (::bind(door_.value(), name, size) != 0 ||
        ::listen(door_.value(), 1) != 0 ||
        ::getsockname(door_.value(), name, &size) != 0)
      throw std::runtime_error("no relay");
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this, to] { run(tcp_client(to)); });
  }
  ~dripping_relay() { thread_.join(); }
  dripping_relay(const dripping_relay&) = delete;
  dripping_relay& operator=(const dripping_relay&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  /// Until one of the two ends.
  void run(tcp_client server) const {
    const transport::unique_fd client(
        ::accept(door_.value(), nullptr, nullptr));
    std::array<pollfd, 2> ends{
        {{client.value(), POLLIN, 0}, {server.descriptor(), POLLIN, 0}}};
    std::array<char, 65536> bytes;
    while (::poll(ends.data(), ends.size(), -1) > 0) {
      if (ends[0].revents != 0) {
        if (::recv(client.value(), bytes.data(), 1, 0) != 1) return;
        server.send({bytes.data(), 1});
      }
      if (ends[1].revents != 0) {
        const auto count =
            ::recv(server.descriptor(), bytes.data(), bytes.size(), 0);
        if (count <= 0) return;
        ::send(client.value(), bytes.data(), static_cast<std::size_t>(count),
               MSG_NOSIGNAL);
      }
    }
  }

  transport::unique_fd door_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

constexpr std::string_view plain_request =
    "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace

CAF_TEST(a_file_that_is_no_use_is_named_with_the_reason) {
  using part = tls_problem::part;
  const temporary_directory directory;
  const auto text = directory.write("text", "no certificate\n");
  auto wrong = files();
  wrong.certificate = directory.path() + "/absent";
  CAF_CHECK(problem_of(wrong).where == part::certificate);
  wrong = files();
  wrong.certificate = text;
  CAF_CHECK(problem_of(wrong).where == part::certificate);
  wrong = files();
  wrong.key = trusted().file("client.key");  // of another certificate
  CAF_CHECK(problem_of(wrong).where == part::key);
  wrong = files();
  wrong.key = text;
  CAF_CHECK(problem_of(wrong).where == part::key);
  wrong = files();
  wrong.client_ca = text;
  CAF_CHECK(problem_of(wrong).where == part::client_ca);
  wrong = files();
  wrong.client_ca = directory.path() + "/absent";
  CAF_CHECK(problem_of(wrong).where == part::client_ca);
  // Nobody is asked for the passphrase of a key.
  const auto locked = directory.path() + "/locked.key";
  authority::run({"pkey", "-in", files().key, "-aes256", "-passout",
                  "pass:secret", "-out", locked});
  wrong = files();
  wrong.key = locked;
  CAF_CHECK(problem_of(wrong).where == part::key);
}

CAF_TEST(a_context_knows_when_its_certificate_expires) {
  const auto left = load(files())->expires() - std::chrono::system_clock::now();
  CAF_CHECK(left > 47h - 1min);
  CAF_CHECK(left < 49h);
}

CAF_TEST(both_versions_carry_a_page_and_a_websocket) {
  transport_server server(over_tls());
  for (const bool newest : {true, false}) {
    auto page = secured(server, {.newest = newest});
    CAF_MESSAGE(page.cipher());
    CAF_CHECK(page.cipher().starts_with(newest ? "TLSv1.3" : "TLSv1.2"));
    page.send(plain_request);
    CAF_CHECK_EQUAL(read_response(page).body, "OK");
    page.send(plain_request);
    CAF_CHECK_EQUAL(read_response(page).body, "OK");
    viewer client(secured(server, {.newest = newest}), "run:tls");
    CAF_REQUIRE(client.live());
    server.publish("over TLS");
    CAF_CHECK_EQUAL(client.next_message(), status_text("over TLS"));
  }
}

CAF_TEST(an_event_stream_is_carried_too) {
  transport_server server(over_tls());
  event_source client(secured(server), "/run:tls");
  CAF_REQUIRE(eventually(patience, [&] { return server.sessions() == 1; }));
  server.publish_encoded("over TLS");
  CAF_CHECK(client.next_message().find("over TLS") != std::string::npos);
}

CAF_TEST(plain_http_is_answered_in_a_line) {
  transport_server server(over_tls());
  tcp_client client(server.port());
  client.send(plain_request);
  const auto answer = read_response(client);
  CAF_CHECK_EQUAL(answer.status, 400u);
  CAF_CHECK_EQUAL(answer.body, "this port speaks TLS: use https or wss\n");
  CAF_REQUIRE_EQUAL(server.refusals().size(), 1u);
  CAF_CHECK(server.refusals()[0].why == transport::refusal::plain_http);
}

CAF_TEST(what_is_neither_http_nor_tls_ends_and_nobody_else_does) {
  transport_server server(over_tls());
  viewer good(secured(server), "run:tls");
  CAF_REQUIRE(good.live());
  for (const std::string& first :
       {std::string("\x16garbage that begins as a handshake does"),
        std::string("\x16\x03\x01\x00\x00", 5), std::string(20000, '\x16'),
        std::string("\x80\x2e\x01\x03\x01", 5), std::string(1, '\0')}) {
    tcp_client client(server.port());
    client.send(first);
    client.finish();
    while (client.receive(std::chrono::steady_clock::now() + patience)) {
    }
    CAF_CHECK(client.closed());
  }
  server.publish("still here");
  CAF_CHECK_EQUAL(good.next_message(), status_text("still here"));
  CAF_CHECK(!server.failed_handshakes().empty());
}

CAF_TEST(a_handshake_may_come_byte_by_byte) {
  transport_server server(over_tls());
  const dripping_relay relay(server.port());
  tcp_client connection(relay.port());
  connection.secure();
  viewer client(std::move(connection), "run:tls");
  CAF_REQUIRE(client.live());
  server.publish("drop by drop");
  CAF_CHECK_EQUAL(client.next_message(), status_text("drop by drop"));
}

CAF_TEST(a_handshake_that_does_not_end_is_cut_off) {
  auto options = over_tls();
  options.listener.handshake_timeout = 200ms;
  transport_server server(options);
  tcp_client silent(server.port());
  tcp_client begun(server.port());
  begun.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  for (auto* client : {&silent, &begun}) {
    while (client->receive(std::chrono::steady_clock::now() + patience)) {
    }
    CAF_CHECK(client->closed());
  }
}

CAF_TEST(only_http_is_spoken_inside) {
  transport_server server(over_tls());
  CAF_CHECK_EQUAL(refused(server, {.protocol = "http/1.1"}), "");
  CAF_CHECK_EQUAL(refused(server, {.protocol = ""}), "");
  CAF_CHECK_EQUAL(refused(server, {.protocol = "h2"}),
                  "tlsv1 alert no application protocol");
  CAF_REQUIRE(eventually(patience,
                         [&] { return !server.failed_handshakes().empty(); }));
  const auto problems = server.failed_handshakes();
  CAF_CHECK_EQUAL(problems[0], "no application protocol");
}

CAF_TEST(who_must_show_a_certificate_and_has_none_stays_outside) {
  auto from = files();
  from.client_ca = trusted().certificate();
  transport_server server(over_tls(from));
  const tls_client_options known{.certificate = trusted().file("client.pem"),
                                 .key = trusted().file("client.key")};
  CAF_CHECK_EQUAL(refused(server, known), "");
  CAF_CHECK(!refused(server, {}).empty());
  CAF_CHECK(!refused(server, {.newest = false}).empty());
  authority other("another authority");
  other.sign("client", "somebody", "");
  CAF_CHECK(!refused(server, {.certificate = other.file("client.pem"),
                              .key = other.file("client.key")})
                 .empty());
  CAF_REQUIRE(eventually(
      patience, [&] { return server.failed_handshakes().size() == 3; }));
  for (const auto& problem : server.failed_handshakes())
    CAF_CHECK(problem == "peer did not return a certificate" ||
              problem == "certificate verify failed");
}

CAF_TEST(a_ticket_spares_the_next_handshake_and_none_of_another_context) {
  transport_server server(over_tls());
  auto first = secured(server);
  first.send(plain_request);
  CAF_REQUIRE_EQUAL(read_response(first).status, 200u);
  CAF_CHECK(!first.resumed());
  auto second = secured(server, {.ticket = first.ticket()});
  second.send(plain_request);
  CAF_CHECK_EQUAL(read_response(second).status, 200u);
  CAF_CHECK(second.resumed());
  // A new certificate: what was proved to the old one is proved again.
  server.certify(load(files()));
  auto third = secured(server, {.ticket = first.ticket()});
  third.send(plain_request);
  CAF_CHECK_EQUAL(read_response(third).status, 200u);
  CAF_CHECK(!third.resumed());
}

CAF_TEST(a_new_certificate_drops_nobody) {
  transport_server server(over_tls());
  viewer old(secured(server), "run:tls");
  CAF_REQUIRE(old.live());
  tcp_client between(server.port());  // has not begun yet
  server.certify(load(files()));
  between.secure();
  viewer fresh(std::move(between), "run:tls");
  CAF_REQUIRE(fresh.live());
  server.publish("to both");
  CAF_CHECK_EQUAL(old.next_message(), status_text("to both"));
  CAF_CHECK_EQUAL(fresh.next_message(), status_text("to both"));
}

CAF_TEST(the_proxy_header_comes_before_tls) {
  auto options = over_tls();
  options.listener.proxy_protocol = true;
  options.listener.trusted_proxies =
      transport::proxy_set({*transport::parse_network("127.0.0.1")});
  transport_server server(options);
  viewer client(
      secured(server, {.first = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n"}),
      "run:tls");
  CAF_REQUIRE(client.live());
  CAF_CHECK(server.remotes().back() == "192.0.2.7:4711");
  // In two parts, the second of which brings the handshake along.
  tcp_client parts(server.port());
  parts.send("PROXY TCP4 192.0.2.8 ");
  CAF_CHECK(!parts.receive(std::chrono::steady_clock::now() + 50ms));
  parts.secure({.first = "192.0.2.1 4712 443\r\n"});
  viewer other(std::move(parts), "run:tls");
  CAF_REQUIRE(other.live());
  CAF_CHECK(server.remotes().back() == "192.0.2.8:4712");
  // Without one there is no handshake.
  CAF_CHECK(!refused(server, {}).empty());
}

CAF_TEST(messages_of_any_size_arrive_whole_and_in_order) {
  transport_server server(over_tls());
  viewer client(secured(server), "run:tls");
  CAF_REQUIRE(client.live());
  for (const std::size_t size :
       {1u, 16000u, 16360u, 16384u, 16385u, 40000u, 300000u}) {
    const std::string payload(size, 'x');
    server.publish(payload);
    CAF_CHECK(client.next_message() == status_text(payload));
  }
}

CAF_TEST(what_the_socket_does_not_take_waits_encrypted_and_is_not_lost) {
  auto options = over_tls();
  options.session.outbox_limit = 64 << 20;
  options.session.write_timeout = 1h;
  transport_server server(options);
  auto client = small_viewer(server, "run:tls");
  CAF_REQUIRE(client.live());
  const std::string payload(100000, 'y');
  constexpr int many = 40;
  for (int i = 0; i < many; ++i)
    server.publish(payload);
  for (int i = 0; i < many; ++i)
    CAF_REQUIRE(client.next_message() == status_text(payload));
  server.publish("the last");
  CAF_CHECK_EQUAL(client.next_message(), status_text("the last"));
}

CAF_TEST(a_client_that_does_not_read_is_closed_as_a_plain_one_is) {
  auto options = over_tls();
  options.session.outbox_limit = 1 << 20;
  options.session.close_timeout = 1h;
  transport_server server(options);
  auto slow = small_viewer(server, "run:tls?gap=1");
  viewer good(secured(server), "run:tls");
  CAF_REQUIRE(slow.live());
  CAF_REQUIRE(good.live());
  const std::string payload(100000, 'z');
  // More than kernel and outbox take together.
  for (int i = 0; i < 40; ++i) {
    server.publish(payload);
    CAF_REQUIRE(good.next_message() == status_text(payload));
  }
  CAF_CHECK_EQUAL(slow.close_code(), 1008u);
  slow.connection().close();
  CAF_CHECK(server.closed().reason == close_reason::slow_consumer);
}

CAF_TEST(a_close_arrives_and_ends_the_stream_of_tls) {
  transport_server server(over_tls());
  viewer client(secured(server), "run:tls");
  CAF_REQUIRE(client.live());
  server.close_all(close_reason::shutdown);
  CAF_CHECK_EQUAL(client.close_code(), 1001u);
  client.send_frame(0x88, "\x03\xe9");
  CAF_CHECK(client.ended());
}

CAF_TEST(new_keys_change_nothing_and_any_number_of_them_is_too_many) {
  auto options = over_tls();
  options.session.message_rate = 50;
  options.session.message_burst = 100;
  transport_server server(options);
  viewer client(secured(server), "run:tls");
  viewer other(secured(server), "run:tls");
  CAF_REQUIRE(client.live());
  CAF_REQUIRE(other.live());
  client.connection().update_keys();
  server.publish("with new keys");
  CAF_CHECK_EQUAL(client.next_message(), status_text("with new keys"));
  CAF_CHECK_EQUAL(other.next_message(), status_text("with new keys"));
  CAF_CHECK(eventually(patience, [&] {
    client.connection().update_keys();
    return !server.reports().empty() || server.sessions() == 1;
  }));
  server.publish("to the other");
  CAF_CHECK_EQUAL(other.next_message(), status_text("to the other"));
}
