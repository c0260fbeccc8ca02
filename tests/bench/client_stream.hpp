/// The bytes of a load generator's connection, plain or TLS.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace status2::bench {

/// For all connections of a run. The server's certificate is not checked.
std::shared_ptr<ssl_ctx_st> make_tls_clients();

/// Owns: its socket. Thread: one. Blocks: never.
class client_stream {
 public:
  client_stream() = default;
  ~client_stream();
  client_stream(const client_stream&) = delete;
  client_stream& operator=(const client_stream&) = delete;

  /// Starts to connect to a loopback port; `tls` may be null.
  /// Errors: std::system_error.
  void open(std::uint16_t port, ssl_ctx_st* tls);
  int fd() const { return fd_; }
  bool is_tls() const { return tls_ != nullptr; }
  /// Events of epoll(7) that the TLS handshake waits for; 0: it is done.
  /// Errors: -1.
  int shake_hands();
  /// Bytes read; 0: the end; negative: errno, -EAGAIN if there is nothing. To
  /// be called until it says so.
  std::ptrdiff_t read(std::span<char> into);
  /// Sends all of `bytes` at once. Errors: false if that is not possible.
  bool send_whole(std::string_view bytes);
  void close();

 private:
  int fd_ = -1;
  std::shared_ptr<ssl_st> tls_;
};

}  // namespace status2::bench
