#include "tests/bench/client_stream.hpp"

#include "tests/bench/sockets.hpp"

#include <cerrno>
#include <cstddef>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace status2::bench {

std::shared_ptr<ssl_ctx_st> make_tls_clients() {
  std::shared_ptr<ssl_ctx_st> context(SSL_CTX_new(TLS_client_method()),
                                      SSL_CTX_free);
  if (!context) throw std::runtime_error("no TLS");
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // One call for a record, instead of one for its header and one for the rest.
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

client_stream::~client_stream() {
  close();
}

void client_stream::open(std::uint16_t port, ssl_ctx_st* tls) {
  fd_ = connect_loopback(port);
  if (tls == nullptr) return;
  tls_.reset(SSL_new(tls), SSL_free);
  if (!tls_ || SSL_set_fd(tls_.get(), fd_) != 1)
    throw std::runtime_error("no TLS");
  SSL_set_connect_state(tls_.get());
}

int client_stream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_.get());
  if (result == 1) return 0;
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return EPOLLIN;
    case SSL_ERROR_WANT_WRITE:
      return EPOLLOUT;
    default:
      return -1;
  }
}

std::ptrdiff_t client_stream::read(std::span<char> into) {
  if (!tls_) {
    const auto size = ::recv(fd_, into.data(), into.size(), 0);
    return size < 0 ? -errno : size;
  }
  ERR_clear_error();
  const int size =
      SSL_read(tls_.get(), into.data(), static_cast<int>(into.size()));
  if (size > 0) return size;
  switch (SSL_get_error(tls_.get(), size)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      return -EPROTO;
  }
}

bool client_stream::send_whole(std::string_view bytes) {
  if (!tls_) return bench::send_whole(fd_, bytes);
  ERR_clear_error();
  return SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

void client_stream::close() {
  tls_.reset();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace status2::bench
