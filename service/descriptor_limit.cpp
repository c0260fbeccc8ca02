#include "service/descriptor_limit.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace status2::service {

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return reserved_descriptors;
  rlimit raised{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  return limit.rlim_cur;
}

std::size_t connections_within(std::size_t descriptors, std::size_t wanted) {
  const auto room = descriptors > reserved_descriptors
                        ? descriptors - reserved_descriptors
                        : std::size_t{1};
  return std::min(wanted, room);
}

}  // namespace status2::service
