#include "transport/upgrade.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace status2::transport {

unique_fd& unique_fd::operator=(unique_fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

void turn_away(upgrade_request request, std::string_view reason) {
  const auto body = std::string(reason) + "\n";
  const auto answer =
      "HTTP/1.1 503 Service Unavailable\r\nServer: status2\r\n"
      "Retry-After: 5\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Connection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  // A socket that was only read from takes so few bytes; if not, so be it.
  ::send(request.socket.value(), answer.data(), answer.size(),
         MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(request.socket.value(), SHUT_WR);
}

}  // namespace status2::transport
