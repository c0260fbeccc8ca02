/// A connected socket to Redis, plain or TLS. Reads do not block; a write sends
/// all of its bytes.
#pragma once

#include "redis/dialer.hpp"
#include "redis/tls.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace status2::redis {

/// Thread: that of its socket's loop.
class stream {
 public:
  using error_code = boost::system::error_code;

  /// `tls`: null for plain bytes.
  stream(dialed_socket socket, const std::shared_ptr<tls_context>& tls)
      : socket_(std::move(socket)), context_(tls) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    set_no_delay();
    if (tls) tls_.emplace(socket_, tls->context);
  }

  bool encrypted() const { return tls_.has_value(); }

  /// The TLS handshake, for an encrypted stream.
  template <class Handler>
  void secure(const std::string& host, Handler handler) {
    expect_host(tls_->native_handle(), host);
    tls_->async_handshake(boost::asio::ssl::stream_base::client,
                          std::move(handler));
  }
  /// See redis/tls.hpp.
  std::string certificate_problem() {
    return redis::certificate_problem(tls_->native_handle());
  }

  /// Calls `handler` when read() may find something.
  template <class Handler>
  void when_readable(Handler handler) {
    socket_.async_wait(boost::asio::socket_base::wait_read, std::move(handler));
  }
  /// Reads what is there. Errors: would_block if that is nothing. An encrypted
  /// stream must not be read while a write is under way.
  std::size_t read(boost::asio::mutable_buffer room, error_code& error) {
    return tls_ ? tls_->read_some(room, error) : socket_.read_some(room, error);
  }
  /// Writes all of `bytes`, which must live until `handler` is called.
  template <class Handler>
  void write(boost::asio::const_buffer bytes, Handler handler) {
    if (tls_)
      boost::asio::async_write(*tls_, bytes, std::move(handler));
    else
      boost::asio::async_write(socket_, bytes, std::move(handler));
  }

  /// How many bytes make the socket readable. Unix sockets ignore it.
  void low_watermark(std::size_t bytes) {
    if (std::exchange(low_watermark_, bytes) == bytes) return;
    error_code ignored;
    socket_.set_option(boost::asio::socket_base::receive_low_watermark(
                           static_cast<int>(bytes)),
                       ignored);
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void set_no_delay();

  dialed_socket socket_;
  std::shared_ptr<tls_context> context_;
  std::optional<boost::asio::ssl::stream<dialed_socket&>> tls_;
  std::size_t low_watermark_ = 1;
};

}  // namespace status2::redis
