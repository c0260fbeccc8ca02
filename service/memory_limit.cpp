#include "service/memory_limit.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <unistd.h>

namespace status2::service {

std::size_t memory_limit() {
  auto least = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
               static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (const auto* path : {"/sys/fs/cgroup/memory.max",
                           "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::uint64_t limit = 0;
    // Without a limit the file says "max", which is no number.
    if (std::ifstream(path) >> limit && limit > 0)
      least = std::min<std::size_t>(least, limit);
  }
  return least;
}

}  // namespace status2::service
