/// TLS on one socket, the server's side, with OpenSSL.
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/tls_context.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

struct bio_st;
struct ssl_st;

namespace status2::transport {

/// Does not own the socket, which must be non-blocking and outlive it.
/// Thread: one at a time. Blocks: never. Errors: as those of byte_stream.
/// Source: SSL_accept(3), SSL_read(3), SSL_write(3), RFC 8446.
class tls_stream {
 public:
  /// Errors: throws std::bad_alloc.
  tls_stream(const tls_context& context, int fd);
  ~tls_stream();
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  /// Goes on with the handshake; at most one private-key operation.
  tls_progress shake_hands();
  /// Why the handshake failed, in OpenSSL's words.
  const std::string& problem() const { return problem_; }

  std::ptrdiff_t read(std::span<char> into);
  std::ptrdiff_t write(std::string_view bytes);
  std::ptrdiff_t write(std::span<const iovec> pieces);
  std::size_t unsent() const { return unsent_.size(); }
  std::ptrdiff_t flush();
  /// Sends a close_notify.
  void end_writing();
  /// Whether a ticket of an earlier connection spared the client a handshake in
  /// full. After the handshake.
  bool resumed() const;
  /// Whether the kernel encrypts what is sent to the socket. After the
  /// handshake.
  bool kernel_encrypts() const { return kernel_encrypts_; }
  /// Memory for the handshake, or for a record of which a part has come.
  std::size_t kept_bytes() const;

 private:
  struct ssl_end {
    void operator()(ssl_st* ssl) const;
  };
  friend struct socket_sink;

  /// Takes what OpenSSL writes: sends it, or keeps it. Errors: false.
  bool put(std::string_view bytes);
  /// What the last call of OpenSSL that returned `result` means.
  std::ptrdiff_t error_of(int result);
  std::ptrdiff_t write_record(std::string_view bytes);

  std::unique_ptr<ssl_st, ssl_end> ssl_;
  const int fd_;
  bool kernel_encrypts_ = false;
  int send_error_ = 0;  ///< an errno, after which nothing is sent
  std::string unsent_;  ///< encrypted
  std::string problem_;
};

}  // namespace status2::transport
