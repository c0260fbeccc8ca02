#include "service/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace status2::service {

void open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    // The lowest free descriptor is the one that is closed. Without O_CLOEXEC,
    // as the shell opens them.
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) return;
}

}  // namespace status2::service
