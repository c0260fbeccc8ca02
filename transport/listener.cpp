#include "transport/listener.hpp"

#include "transport/http_connection.hpp"
#include "transport/listening_socket.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cerrno>
#include <chrono>
#include <new>
#include <sys/socket.h>
#include <utility>

namespace status2::transport {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

/// Out of something that comes back; everything else concerns the one
/// connection that could not be accepted.
bool out_of_resources(int code) {
  return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

peer peer_at(const tcp::endpoint& remote) {
  return {remote.address(), remote.port()};
}

}  // namespace

struct listener::implementation final
    : std::enable_shared_from_this<implementation> {
  /// One socket that is listened at.
  struct door final : wheel_timer {
    door(implementation& o, listening_socket s)
        : owner(o),
          socket(std::move(s)),
          readiness(o.context->loop.context().get_executor(), socket.value()) {}
    ~door() { readiness.release(); }
    void on_timer() override {
      if (!owner.context->stopping) owner.accept_batch(*this);
    }

    implementation& owner;
    listening_socket socket;
    /// Waits only; the descriptor is that of `socket`.
    boost::asio::posix::basic_stream_descriptor<
        boost::asio::io_context::executor_type>
        readiness;
  };

  implementation(io_loop& loop, listener_settings settings,
                 std::unique_ptr<listener_events> events)
      : context(std::make_shared<http_context>(loop, std::move(settings),
                                               std::move(events))) {}

  error_code open(const std::string& address) {
    std::vector<listening_socket> opened;
    if (auto error = open_all(address, opened)) return error;
    port = opened.front().port();
    for (auto& one : opened)
      doors.push_back(std::make_unique<door>(*this, std::move(one)));
    return {};
  }

  void wait(door& entered) {
    entered.readiness.async_wait(
        entered.readiness.wait_read,
        [self = shared_from_this(), &entered](const error_code& error) {
          if (!error && !self->context->stopping) self->accept_batch(entered);
        });
  }

  void accept_batch(door& entered) {
    constexpr int most_at_once = 64;
    for (int i = 0; i < most_at_once; ++i) {
      if (context->crowded()) return pause(entered);
      // Of a Unix socket nothing is wanted but that somebody is there.
      tcp::endpoint remote;
      auto length = static_cast<socklen_t>(remote.capacity());
      unique_fd fd(::accept4(entered.socket.value(), remote.data(), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.value() >= 0) {
        context->make_room();
        if (serve(std::move(fd), remote, entered.socket.path())) continue;
        fail(entered, {ENOMEM, boost::system::system_category()});
        return;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (!out_of_resources(errno)) continue;
      fail(entered, {errno, boost::system::system_category()});
      return;
    }
    wait(entered);
  }

  /// Errors: false if there is no memory; the connection is closed.
  bool serve(unique_fd fd, const tcp::endpoint& remote,
             const std::string& path) {
    context->loop.counters().connections_accepted.add();
    try {
      auto from = path.empty() ? peer_at(remote) : peer{no_address, 0, path};
      std::make_shared<http_connection>(context, std::move(fd), std::move(from))
          ->start();
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  void fail(door& entered, const error_code& error) {
    context->loop.counters().accept_errors.add();
    pause(entered);
    context->events->on_accept_error(error);
  }

  void pause(door& entered) {
    constexpr std::chrono::milliseconds length{100};
    context->loop.arm(entered, context->loop.now() + length);
  }

  void stop() {
    if (std::exchange(context->stopping, true)) return;
    for (auto& opened : doors) {
      opened->readiness.release();
      opened->socket = listening_socket();
      context->loop.disarm(*opened);
    }
    auto& connections = context->connections;
    for (auto i = connections.begin(); i != connections.end();)
      (i++)->stop();  // which may destroy it
  }

  std::shared_ptr<http_context> context;
  std::vector<std::unique_ptr<door>> doors;
  std::uint16_t port = 0;  ///< of the last address
};

listener::listener(io_loop& loop, listener_settings settings,
                   std::unique_ptr<listener_events> events)
    : impl_(std::make_shared<implementation>(loop, std::move(settings),
                                             std::move(events))) {}

listener::~listener() {
  impl_->stop();
}

error_code listener::open(const std::string& address) {
  return impl_->open(address);
}

unsigned short listener::port() const {
  return impl_->port;
}

void listener::start() {
  for (auto& opened : impl_->doors)
    impl_->wait(*opened);
}

void listener::trust(proxy_set proxies) {
  impl_->context->settings.trusted_proxies = std::move(proxies);
}

void listener::certify(std::shared_ptr<const tls_context> tls) {
  impl_->context->settings.tls = std::move(tls);
}

void listener::change(listener_settings settings) {
  auto& context = *impl_->context;
  settings.trusted_proxies = std::move(context.settings.trusted_proxies);
  settings.tls = std::move(context.settings.tls);
  settings.tokens = std::move(context.settings.tokens);
  context.settings = std::move(settings);
  context.gate.limit(context.settings.accept_rate);
}

void listener::stop() {
  impl_->stop();
}

}  // namespace status2::transport
