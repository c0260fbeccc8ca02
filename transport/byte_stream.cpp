#include "transport/byte_stream.hpp"

#include "transport/tls_stream.hpp"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace status2::transport {

std::ptrdiff_t send_now(int fd, std::string_view bytes) {
  // glibc's send() may be cancelled, which costs two locked instructions.
  const auto result = ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(),
                                send_flags, nullptr, 0);
  return result < 0 ? -errno : result;
}

byte_stream::byte_stream() = default;

byte_stream::byte_stream(unique_fd socket) : socket_(std::move(socket)) {}

byte_stream::byte_stream(byte_stream&&) noexcept = default;

byte_stream& byte_stream::operator=(byte_stream&&) noexcept = default;

byte_stream::~byte_stream() = default;

void byte_stream::secure(const tls_context& context) {
  tls_ = std::make_unique<tls_stream>(context, fd());
  batchable_ = false;
}

tls_progress byte_stream::shake_hands() {
  const auto progress = tls_->shake_hands();
  batchable_ = progress == tls_progress::done && tls_->kernel_encrypts();
  return progress;
}

std::ptrdiff_t byte_stream::read(std::span<char> into) {
  if (tls_) return tls_->read(into);
  const auto count =
      ::recv(socket_.value(), into.data(), into.size(), MSG_DONTWAIT);
  return count < 0 ? -errno : count;
}

std::ptrdiff_t byte_stream::write(std::span<const iovec> pieces) {
  if (!batchable_) return tls_->write(pieces);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  const auto result = ::sendmsg(socket_.value(), &message, send_flags);
  return result < 0 ? -errno : result;
}

std::ptrdiff_t byte_stream::write(std::string_view bytes) {
  if (!batchable_) return tls_->write(bytes);
  return send_now(socket_.value(), bytes);
}

std::size_t byte_stream::unsent() const {
  return tls_ ? tls_->unsent() : 0;
}

std::ptrdiff_t byte_stream::flush() {
  return tls_ ? tls_->flush() : 0;
}

void byte_stream::end_writing() {
  if (tls_) tls_->end_writing();
  ::shutdown(socket_.value(), SHUT_WR);
}

void byte_stream::close() {
  tls_.reset();
  socket_ = unique_fd();
}

}  // namespace status2::transport
