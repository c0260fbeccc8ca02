#include "tests/bench/process_sample.hpp"

#include <caf/test/unit_test.hpp>

#include <unistd.h>

using namespace status2::bench;
using std::chrono::nanoseconds;

CAF_TEST(cpu_time_is_the_first_number_of_schedstat) {
  CAF_CHECK(read_schedstat("123456789 42 7\n") == nanoseconds(123456789));
  CAF_CHECK(!read_schedstat(""));
  CAF_CHECK(!read_schedstat("none"));
}

CAF_TEST(the_wait_for_a_cpu_is_its_second) {
  CAF_CHECK(read_run_delay("123456789 42 7\n") == nanoseconds(42));
  CAF_CHECK(!read_run_delay("123456789"));
  CAF_CHECK(!read_run_delay(""));
}

CAF_TEST(resident_memory_is_read_in_bytes) {
  CAF_CHECK(read_vm_rss("VmHWM:\t  900 kB\nVmRSS:\t  12 kB\n") == 12 * 1024u);
  CAF_CHECK(!read_vm_rss("VmHWM:\t  900 kB\n"));
}

CAF_TEST(a_running_process_has_memory_and_its_cpu_time_does_not_shrink) {
  const auto first = sample_processes({::getpid()});
  const auto second = sample_processes({::getpid()});
  CAF_REQUIRE(first && second);
  CAF_CHECK(first->rss_bytes > 0);
  CAF_CHECK(second->cpu >= first->cpu);
}

CAF_TEST(a_process_that_is_not_there_gives_nothing) {
  CAF_CHECK(!sample_processes({::getpid(), 0x7fffffff}));
}
