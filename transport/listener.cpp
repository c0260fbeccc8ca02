#include "transport/listener.hpp"

#include "transport/http_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <sys/socket.h>
#include <utility>

namespace status2::transport {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr int backlog = 4096;

struct host_and_port {
  std::string host;  ///< empty: every address
  std::string port;
};

std::optional<host_and_port> split_address(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = address.substr(0, colon);
  const auto port = address.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, failed] =
      std::from_chars(port.data(), port.data() + port.size(), number);
  if (failed != std::errc{} || end != port.data() + port.size())
    return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  return host_and_port{std::string(host), std::string(port)};
}

/// Out of something that comes back; everything else concerns the one
/// connection that could not be accepted.
bool out_of_resources(int code) {
  return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

}  // namespace

struct listener::implementation final
    : std::enable_shared_from_this<implementation>,
      wheel_timer {
  implementation(io_loop& loop, listener_settings settings,
                 std::unique_ptr<listener_events> events)
      : context(std::make_shared<http_context>(loop, std::move(settings),
                                               std::move(events))),
        acceptor(loop.context()) {}

  error_code open(const tcp::endpoint& endpoint) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.protocol() == tcp::v6() &&
        endpoint.address().is_unspecified())
      acceptor.set_option(boost::asio::ip::v6_only(false), error);
    // Accepted sockets inherit it.
    if (!error) acceptor.set_option(tcp::no_delay(true), error);
    if (!error) acceptor.non_blocking(true, error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(backlog, error);
    if (!error) bound = acceptor.local_endpoint(error);
    error_code ignored;
    if (error) acceptor.close(ignored);
    return error;
  }

  error_code open_any(std::uint16_t port) {
    const auto error = open({tcp::v6(), port});
    if (error == boost::asio::error::address_family_not_supported ||
        error == boost::system::errc::address_not_available)
      return open({tcp::v4(), port});
    return error;
  }

  error_code open_resolved(const host_and_port& address) {
    tcp::resolver resolver(context->loop.context());
    error_code error;
    const auto found = resolver.resolve(
        address.host, address.port,
        tcp::resolver::passive | tcp::resolver::numeric_service, error);
    for (const auto& entry : found) {
      error = open(entry.endpoint());
      if (!error) break;
    }
    return error;
  }

  void wait() {
    acceptor.async_wait(tcp_acceptor::wait_read,
                        [self = shared_from_this()](const error_code& error) {
                          if (!error && !self->context->stopping)
                            self->accept_batch();
                        });
  }

  void accept_batch() {
    constexpr int most_at_once = 64;
    for (int i = 0; i < most_at_once; ++i) {
      if (context->crowded()) return pause();
      tcp::endpoint remote;
      auto length = static_cast<socklen_t>(remote.capacity());
      unique_fd fd(::accept4(acceptor.native_handle(), remote.data(), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.value() >= 0) {
        remote.resize(length);
        context->make_room();
        serve(std::move(fd), remote);
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (!out_of_resources(errno)) continue;
      fail({errno, boost::system::system_category()});
      return;
    }
    wait();
  }

  void serve(unique_fd fd, const tcp::endpoint& remote) {
    context->loop.counters().connections_accepted.add();
    std::make_shared<http_connection>(context, std::move(fd), remote)->start();
  }

  void fail(const error_code& error) {
    context->loop.counters().accept_errors.add();
    pause();
    context->events->on_accept_error(error);
  }

  void pause() {
    constexpr std::chrono::milliseconds length{100};
    context->loop.arm(*this, io_loop::clock::now() + length);
  }

  void on_timer() override {
    if (!context->stopping) accept_batch();
  }

  void stop() {
    if (std::exchange(context->stopping, true)) return;
    error_code ignored;
    acceptor.close(ignored);
    context->loop.disarm(*this);
    auto& connections = context->connections;
    for (auto i = connections.begin(); i != connections.end();)
      (i++)->stop();  // which may destroy it
  }

  std::shared_ptr<http_context> context;
  tcp_acceptor acceptor;
  tcp::endpoint bound;
};

listener::listener(io_loop& loop, listener_settings settings,
                   std::unique_ptr<listener_events> events)
    : impl_(std::make_shared<implementation>(loop, std::move(settings),
                                             std::move(events))) {}

listener::~listener() {
  impl_->stop();
}

error_code listener::open(const std::string& address) {
  const auto parts = split_address(address);
  if (!parts) return boost::asio::error::invalid_argument;
  if (!parts->host.empty()) return impl_->open_resolved(*parts);
  return impl_->open_any(static_cast<std::uint16_t>(std::stoul(parts->port)));
}

unsigned short listener::port() const {
  return impl_->bound.port();
}

void listener::start() {
  impl_->wait();
}

void listener::stop() {
  impl_->stop();
}

}  // namespace status2::transport
