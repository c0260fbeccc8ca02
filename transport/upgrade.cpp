#include "transport/upgrade.hpp"

#include "transport/event_stream.hpp"
#include "transport/http_answer.hpp"

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

void turn_away(upgrade_request request, refusal why) {
  const auto answer =
      write_answer(limit_reply(why, request.options, request.origin), {});
  // A socket that was only read from takes so few bytes; if not, so be it.
  ::send(request.socket.value(), answer.data(), answer.size(),
         MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(request.socket.value(), SHUT_WR);
}

}  // namespace status2::transport
