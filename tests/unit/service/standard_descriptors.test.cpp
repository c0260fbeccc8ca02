// The descriptors 0 to 2 are open before anything else is.
#include "service/standard_descriptors.hpp"

#include <caf/test/unit_test.hpp>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

bool is_null_device(int fd) {
  struct stat found {};
  return ::fstat(fd, &found) == 0 && S_ISCHR(found.st_mode) &&
         found.st_rdev == makedev(1, 3);
}

/// Whether, in a process that starts with `closed` descriptors closed, these
/// are the null device afterwards and the others what they were.
bool opened(unsigned closed) {
  const auto child = ::fork();
  if (child == 0) {
    for (int fd = 0; fd < 3; ++fd)
      if ((closed >> fd & 1U) != 0) ::close(fd);
    status2::service::open_standard_descriptors();
    bool good = true;
    for (int fd = 0; fd < 3; ++fd) {
      struct stat found {};
      good = good && ::fstat(fd, &found) == 0;
      if ((closed >> fd & 1U) != 0) good = good && is_null_device(fd);
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

CAF_TEST(closed_descriptors_become_the_null_device) {
  for (unsigned closed = 0; closed < 8; ++closed)
    CAF_CHECK(opened(closed));
}
