#include "transport/unique_fd.hpp"

#include <unistd.h>

namespace status2::transport {

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace status2::transport
