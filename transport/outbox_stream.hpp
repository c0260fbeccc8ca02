/// The stream below Beast's WebSocket: reads what came behind the handshake's
/// header, then the socket; whatever Beast writes goes into the session's one
/// ordered way out and is done at once.
#pragma once

#include "transport/io_loop.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace status2::transport {

/// Takes what Beast writes. Never blocks, never fails: a broken socket shows
/// in the next read.
class byte_sink {
 public:
  virtual void take(std::string_view bytes) = 0;

 protected:
  ~byte_sink() = default;
};

/// Owns: the socket. Models Asio's AsyncStream.
class outbox_stream {
 public:
  using executor_type = tcp_socket::executor_type;

  outbox_stream(tcp_socket socket, std::string leftover, byte_sink& sink)
      : socket_(std::move(socket)),
        leftover_(std::move(leftover)),
        sink_(&sink) {}

  executor_type get_executor() { return socket_.get_executor(); }
  tcp_socket& socket() { return socket_; }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, signature>(
        [this](auto&& done, const Buffers& into) {
          if (leftover_.empty()) {
            socket_.async_read_some(into, std::forward<decltype(done)>(done));
            return;
          }
          const auto count =
              boost::asio::buffer_copy(into, boost::asio::buffer(leftover_));
          leftover_.erase(0, count);
          if (leftover_.empty()) leftover_ = {};
          finish(std::forward<decltype(done)>(done), count);
        },
        handler, buffers);
  }

  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, signature>(
        [this](auto&& done, const Buffers& from) {
          std::string bytes(boost::asio::buffer_size(from), '\0');
          boost::asio::buffer_copy(boost::asio::buffer(bytes), from);
          sink_->take(bytes);
          finish(std::forward<decltype(done)>(done), bytes.size());
        },
        handler, buffers);
  }

 private:
  using signature = void(boost::system::error_code, std::size_t);

  template <class Handler>
  void finish(Handler&& handler, std::size_t count) {
    boost::asio::post(get_executor(), boost::beast::bind_front_handler(
                                          std::forward<Handler>(handler),
                                          boost::system::error_code{}, count));
  }

  tcp_socket socket_;
  std::string leftover_;
  byte_sink* sink_;
};

/// The session ends its connection itself, so Beast's part is none.
template <class Handler>
void async_teardown(boost::beast::role_type, outbox_stream& stream,
                    Handler&& handler) {
  boost::asio::post(stream.get_executor(), boost::beast::bind_front_handler(
                                               std::forward<Handler>(handler),
                                               boost::system::error_code{}));
}

/// What Beast does to a stream whose timeouts it watches; ours has none.
inline void beast_close_socket(outbox_stream& stream) {
  boost::system::error_code ignored;
  stream.socket().close(ignored);
}

}  // namespace status2::transport
