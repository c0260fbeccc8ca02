#include "service/process_stats.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <fcntl.h>
#include <unistd.h>

using status2::service::read_process_stats;

CAF_TEST(an open file counts as one descriptor) {
  const double before = read_process_stats().open_descriptors;
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const double during = read_process_stats().open_descriptors;
  ::close(file);
  CAF_CHECK_EQUAL(during, before + 1);
  CAF_CHECK_EQUAL(read_process_stats().open_descriptors, before);
}

CAF_TEST(the process started a moment ago) {
  const auto now = std::chrono::duration<double>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const double start = read_process_stats().start_time_seconds;
  // Whole seconds of the boot time, and a clock that was set meanwhile.
  CAF_CHECK(start <= now + 5);
  CAF_CHECK(start >= now - 120);
}

CAF_TEST(memory and processor time are positive) {
  CAF_CHECK(read_process_stats().resident_bytes > 1024 * 1024);
  CAF_CHECK(read_process_stats().cpu_seconds > 0);
}
