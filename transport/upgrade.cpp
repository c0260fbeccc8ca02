#include "transport/upgrade.hpp"

#include <unistd.h>

namespace status2::transport {

unique_fd& unique_fd::operator=(unique_fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace status2::transport
