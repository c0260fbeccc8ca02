/// The bytes of one connection: as they are, or inside TLS. Whoever reads and
/// writes here need not know which.
#pragma once

#include "transport/tls_context.hpp"
#include "transport/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>

namespace status2::transport {

class tls_stream;

/// What a TLS handshake waits for.
enum class tls_progress : std::uint8_t { done, readable, writable, failed };

/// Flags of every send: it neither waits nor raises a signal.
inline constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;

/// Sends `bytes` to a socket: how many it took, or a negative errno.
std::ptrdiff_t send_now(int fd, std::string_view bytes);

/// Owns: the socket. Thread: one at a time. Blocks: never.
/// Errors: a member that reads or writes returns a negative errno; -EAGAIN
/// means that the socket has to become ready first.
class byte_stream {
 public:
  byte_stream();
  /// Plain. The socket must be non-blocking.
  explicit byte_stream(unique_fd socket);
  byte_stream(byte_stream&&) noexcept;
  byte_stream& operator=(byte_stream&&) noexcept;
  ~byte_stream();

  /// From here on all bytes go through TLS; the handshake comes first.
  /// Errors: throws std::bad_alloc.
  void secure(const tls_context& context);
  /// Goes on with the handshake; at most one private-key operation.
  tls_progress shake_hands();
  /// Null: plain.
  tls_stream* tls() const { return tls_.get(); }
  int fd() const { return socket_.value(); }
  /// Whether bytes that are sent to fd() directly reach the client: the stream
  /// is plain, or the kernel encrypts.
  bool batchable() const { return batchable_; }

  /// How many bytes came, at most `into.size()`; 0: the client sends nothing
  /// more. What is left is told by the socket's readiness again if `into` has
  /// room for a TLS record, 16 KiB.
  std::ptrdiff_t read(std::span<char> into);
  /// How many bytes were taken. With TLS some of them may still be unsent().
  std::ptrdiff_t write(std::span<const iovec> pieces);
  std::ptrdiff_t write(std::string_view bytes);
  /// Encrypted bytes that wait for the socket, at most a TLS record.
  std::size_t unsent() const;
  bool drained() const { return batchable_ || unsent() == 0; }
  /// Sends what is unsent(): 0 once nothing is.
  std::ptrdiff_t flush();
  /// Tells the client that nothing more comes.
  void end_writing();
  /// Closes the socket.
  void close();

 private:
  unique_fd socket_;
  bool batchable_ = true;
  std::unique_ptr<tls_stream> tls_;
};

}  // namespace status2::transport
