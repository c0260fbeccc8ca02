#include "transport/tls_stream.hpp"

#include <cerrno>
#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string_view>

namespace status2::transport {

namespace {

constexpr std::size_t largest_record = SSL3_RT_MAX_PLAIN_LENGTH;

}  // namespace

/// The BIO that OpenSSL writes to: it takes everything, so that a record is
/// never offered twice. The outbox may drop what the client has not got, which
/// OpenSSL would not allow behind a record that it has to repeat.
struct socket_sink {
  static int write(BIO* bio, const char* data, int size) {
    auto& stream = *static_cast<tls_stream*>(BIO_get_data(bio));
    return stream.put({data, static_cast<std::size_t>(size)}) ? size : -1;
  }
  static long control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static BIO* make(tls_stream& stream) {
    static BIO_METHOD* const method = [] {
      auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                                "status2 socket");
      if (made == nullptr) throw std::bad_alloc();
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    auto* bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, &stream);
    BIO_set_init(bio, 1);
    return bio;
  }
};

void tls_stream::ssl_end::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

tls_stream::tls_stream(const tls_context& context, int fd)
    : ssl_(SSL_new(context.native())), fd_(fd) {
  if (!ssl_) throw std::bad_alloc();
  // Only on a socket of its own OpenSSL can hand encryption to the kernel.
  if (SSL_set_fd(ssl_.get(), fd) != 1) throw std::bad_alloc();
  if (!kernel_tls_obstacle().empty())
    SSL_set0_wbio(ssl_.get(), socket_sink::make(*this));
  SSL_set_accept_state(ssl_.get());
}

tls_stream::~tls_stream() = default;

tls_progress tls_stream::shake_hands() {
  if (const auto sent = flush(); sent < 0)
    return sent == -EAGAIN ? tls_progress::writable : tls_progress::failed;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    kernel_encrypts_ = BIO_get_ktls_send(SSL_get_wbio(ssl_.get()));
    if (!kernel_encrypts_ && kernel_tls_obstacle().empty())
      SSL_set0_wbio(ssl_.get(), socket_sink::make(*this));
    return unsent() > 0 ? tls_progress::writable : tls_progress::done;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return unsent() > 0 ? tls_progress::writable : tls_progress::readable;
    case SSL_ERROR_WANT_WRITE:
      return tls_progress::writable;
    default: {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      problem_ = reason == nullptr ? "the client went away" : reason;
      ERR_clear_error();
      return tls_progress::failed;
    }
  }
}

std::ptrdiff_t tls_stream::error_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SYSCALL:
      if (send_error_ != 0) return -send_error_;
      return errno == 0 ? 0 : -errno;
    default:
      ERR_clear_error();
      return send_error_ != 0 ? -send_error_ : -EPROTO;
  }
}

std::ptrdiff_t tls_stream::read(std::span<char> into) {
  ERR_clear_error();
  errno = 0;
  const int result =
      SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
  return result > 0 ? result : error_of(result);
}

std::ptrdiff_t tls_stream::write_record(std::string_view bytes) {
  ERR_clear_error();
  errno = 0;
  const int result =
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (result > 0) return result;
  const auto error = error_of(result);
  return error == 0 ? -EPIPE : error;
}

std::ptrdiff_t tls_stream::write(std::string_view bytes) {
  if (const auto left = flush(); left < 0) return left;
  std::ptrdiff_t taken = 0;
  while (!bytes.empty() && unsent_.empty()) {
    const auto result = write_record(bytes.substr(0, largest_record));
    if (result < 0) return taken > 0 ? taken : result;
    taken += result;
    bytes.remove_prefix(static_cast<std::size_t>(result));
  }
  return taken;
}

std::ptrdiff_t tls_stream::write(std::span<const iovec> pieces) {
  const auto view = [](const iovec& piece) {
    return std::string_view(static_cast<const char*>(piece.iov_base),
                            piece.iov_len);
  };
  if (pieces.size() == 1) return write(view(pieces.front()));
  // Records that are full, instead of one for each piece.
  std::string all;
  for (const auto& piece : pieces)
    all += view(piece);
  return write(all);
}

bool tls_stream::put(std::string_view bytes) {
  if (send_error_ != 0) return false;
  std::size_t sent = 0;
  if (unsent_.empty()) {
    const auto result = send_now(fd_, bytes);
    if (result >= 0) {
      sent = static_cast<std::size_t>(result);
    } else if (result != -EAGAIN && result != -EINTR) {
      send_error_ = static_cast<int>(-result);
      return false;
    }
  }
  try {
    unsent_.append(bytes.substr(sent));
  } catch (const std::bad_alloc&) {
    send_error_ = ENOMEM;
    return false;
  }
  return true;
}

std::ptrdiff_t tls_stream::flush() {
  while (!unsent_.empty()) {
    const auto result = send_now(fd_, unsent_);
    if (result == -EINTR) continue;
    if (result < 0) return result;
    unsent_.erase(0, static_cast<std::size_t>(result));
  }
  std::string().swap(unsent_);
  return send_error_ != 0 ? -send_error_ : 0;
}

void tls_stream::end_writing() {
  if (SSL_in_init(ssl_.get()) == 0) SSL_shutdown(ssl_.get());
  flush();
  ERR_clear_error();
}

bool tls_stream::resumed() const {
  return SSL_session_reused(ssl_.get()) != 0;
}

std::size_t tls_stream::kept_bytes() const {
  constexpr std::size_t handshake = 24576;  // as measured
  if (SSL_in_init(ssl_.get()) != 0) return handshake;
  return SSL_has_pending(ssl_.get()) != 0 ? SSL3_RT_MAX_PACKET_SIZE : 0;
}

}  // namespace status2::transport
