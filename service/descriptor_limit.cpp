#include "service/descriptor_limit.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace status2::service {

namespace {

std::size_t left_of(std::size_t descriptors, std::size_t taken) {
  return descriptors > taken ? descriptors - taken : std::size_t{1};
}

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return own_descriptors;
  rlimit raised{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  return limit.rlim_cur;
}

std::size_t connections_within(std::size_t descriptors, std::size_t wanted) {
  return std::min(wanted,
                  left_of(descriptors, own_descriptors + request_descriptors));
}

std::size_t requests_within(std::size_t descriptors, std::size_t connections) {
  return left_of(descriptors, own_descriptors + connections);
}

}  // namespace status2::service
