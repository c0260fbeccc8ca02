#include "service/tls_pipe.hpp"

#include "redis/tls.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <utility>
#include <vector>

namespace status2::service {

namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using boost::system::error_code;

struct pipe {
  pipe(redis::dialed_socket socket, std::shared_ptr<ssl::context> c,
       redis::dialed_socket end)
      : context(std::move(c)),
        outside(std::move(socket), *context),
        inside(std::move(end)) {}

  void close() {
    error_code ignored;
    outside.lowest_layer().close(ignored);
    inside.close(ignored);
  }

  std::shared_ptr<ssl::context> context;
  ssl::stream<redis::dialed_socket> outside;
  redis::dialed_socket inside;
};

template <class From, class To>
asio::awaitable<void> carry(std::shared_ptr<pipe> both, From& from, To& to) {
  std::vector<char> bytes(16384);
  try {
    for (;;) {
      const auto count = co_await from.async_read_some(asio::buffer(bytes),
                                                       asio::use_awaitable);
      co_await asio::async_write(to, asio::buffer(bytes.data(), count),
                                 asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {
    // One end is over, and so is the other one.
  }
  both->close();
}

}  // namespace

asio::awaitable<void> secure(asio::io_context& loop,
                             redis::dialed_socket& socket,
                             const std::shared_ptr<ssl::context>& context,
                             const std::string& host,
                             std::chrono::nanoseconds timeout) {
  asio::local::stream_protocol::socket own(loop);
  asio::local::stream_protocol::socket other(loop);
  asio::local::connect_pair(own, other);
  const auto both =
      std::make_shared<pipe>(std::move(socket), context, std::move(own));
  auto* const connection = both->outside.native_handle();
  if (host.empty())
    SSL_set_verify(connection, SSL_VERIFY_NONE, nullptr);
  else
    redis::expect_host(connection, host);
  asio::steady_timer limit(loop, timeout);
  limit.async_wait([both](const error_code& error) {
    if (!error) both->close();
  });
  co_await both->outside.async_handshake(ssl::stream_base::client,
                                         asio::use_awaitable);
  limit.cancel();
  asio::co_spawn(loop, carry(both, both->outside, both->inside),
                 asio::detached);
  asio::co_spawn(loop, carry(both, both->inside, both->outside),
                 asio::detached);
  socket = std::move(other);
}

}  // namespace status2::service
