/// What the kernel knows of this process.
#pragma once

namespace status2::service {

/// Zero where /proc does not tell.
struct process_stats {
  double resident_bytes = 0;
  double cpu_seconds = 0;
  double open_descriptors = 0;
  double start_time_seconds = 0;  ///< since 1970
};

/// Blocks: reads a few files of /proc. Thread: any.
process_stats read_process_stats();

}  // namespace status2::service
