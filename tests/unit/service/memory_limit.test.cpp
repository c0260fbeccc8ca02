#include "service/memory_limit.hpp"

#include <caf/test/unit_test.hpp>

#include <unistd.h>

CAF_TEST(the limit is no more than the machine has and no less than nothing) {
  const auto machine = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  CAF_CHECK(status2::service::memory_limit() <= machine);
  CAF_CHECK(status2::service::memory_limit() > 0);
}
