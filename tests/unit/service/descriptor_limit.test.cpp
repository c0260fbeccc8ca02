#include "service/descriptor_limit.hpp"

#include <caf/test/unit_test.hpp>

#include <limits>
#include <sys/resource.h>

using status2::service::connections_within;
using status2::service::raise_descriptor_limit;
using status2::service::requests_within;

CAF_TEST(enough descriptors allow what is wanted) {
  CAF_CHECK_EQUAL(connections_within(20000, 10000), 10000u);
  CAF_CHECK_EQUAL(connections_within(10128, 10000), 10000u);
  CAF_CHECK_EQUAL(
      connections_within(std::numeric_limits<std::size_t>::max(), 10000),
      10000u);
}

CAF_TEST(few descriptors lower it by the reserve) {
  CAF_CHECK_EQUAL(connections_within(10127, 10000), 9999u);
  CAF_CHECK_EQUAL(connections_within(1024, 10000), 896u);
}

CAF_TEST(what viewers and the reserve leave is for requests) {
  CAF_CHECK_EQUAL(requests_within(20000, 10000), 9936u);
  CAF_CHECK_EQUAL(requests_within(1024, connections_within(1024, 10000)), 64u);
  CAF_CHECK_EQUAL(requests_within(100, 50), 1u);
}

CAF_TEST(there is always room for one) {
  CAF_CHECK_EQUAL(connections_within(128, 10000), 1u);
  CAF_CHECK_EQUAL(connections_within(0, 10000), 1u);
}

CAF_TEST(the soft limit is raised to the hard one) {
  rlimit before{};
  CAF_REQUIRE_EQUAL(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{256, before.rlim_max};
  CAF_REQUIRE_EQUAL(::setrlimit(RLIMIT_NOFILE, &low), 0);
  CAF_CHECK_EQUAL(raise_descriptor_limit(), before.rlim_max);
  rlimit after{};
  CAF_REQUIRE_EQUAL(::getrlimit(RLIMIT_NOFILE, &after), 0);
  CAF_CHECK_EQUAL(after.rlim_cur, before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &before);
}
