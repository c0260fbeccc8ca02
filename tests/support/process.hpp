/// A real program run by a test: its environment, its output, its end.
#pragma once

#include "tests/support/temporary_directory.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace status2::support {

using environment = std::map<std::string, std::string>;

struct process_options {
  std::vector<std::string>
      command{};  ///< program, by path or in PATH, and args
  /// Added to what a program needs to run at all (PATH, sanitizer options);
  /// nothing else of the test's own environment gets through.
  environment variables{};
  std::string input{};  ///< what it reads on standard input
  std::optional<std::uint64_t> descriptors{};  ///< RLIMIT_NOFILE
};

/// A child process. Output goes to files, so that it never blocks on us.
/// Owns: the process; the destructor kills it, waits, and passes on what
/// ThreadSanitizer found in it. It dies with the test as well. Thread: one.
class process {
 public:
  explicit process(process_options options);
  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  pid_t id() const { return id_; }
  void signal(int number);
  bool running();
  /// The exit code, 128 + n after signal n; nothing if it runs still.
  /// Blocks: at most `deadline`.
  std::optional<int> wait(std::chrono::nanoseconds deadline);

  /// Whole lines of standard output so far, without their ends.
  const std::vector<std::string>& lines();
  /// Standard error so far.
  std::string errors() const;
  /// Memory in RAM. Limits: 0 once it has ended.
  std::size_t resident_bytes() const;

 private:
  temporary_directory directory_;
  pid_t id_ = -1;
  std::optional<int> exit_code_;
  std::vector<std::string> lines_;
  std::string partial_;
  std::size_t read_ = 0;
};

/// What a program printed and returned.
struct outcome {
  std::optional<int> exit_code;  ///< nothing: it did not end in time
  std::string output;
  std::string errors;
};

/// Runs a program to its end. Blocks: at most `deadline`.
outcome run(process_options options,
            std::chrono::nanoseconds deadline = std::chrono::seconds{20});

/// A loopback port that nobody listens on, below those the kernel hands out
/// by itself.
std::uint16_t free_port();

}  // namespace status2::support
