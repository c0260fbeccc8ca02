/// CPU time and memory of the processes under test, as Linux counts them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace status2::bench {

struct process_sample {
  std::chrono::nanoseconds cpu{0};  ///< all threads that live now
  std::uint64_t rss_bytes = 0;
};

/// Adds up `/proc/<pid>/task/*/schedstat` and `VmRSS` of all `pids`.
/// Errors: nothing if a process is gone or the kernel does not tell.
std::optional<process_sample> sample_processes(const std::vector<pid_t>& pids);

/// Time on a CPU of this process, all threads.
std::chrono::nanoseconds own_cpu();

/// Time that this thread was ready and waited for a CPU; 0 if the kernel does
/// not tell.
std::chrono::nanoseconds own_wait();

/// Time on a CPU from the text of a schedstat file.
std::optional<std::chrono::nanoseconds> read_schedstat(std::string_view text);

/// Time waited for a CPU, its second number.
std::optional<std::chrono::nanoseconds> read_run_delay(std::string_view text);

/// Resident bytes from the text of `/proc/<pid>/status`.
std::optional<std::uint64_t> read_vm_rss(std::string_view text);

}  // namespace status2::bench
