#pragma once

// Runs iptables, tc and ip: words in, exit code and output out; no shell.

#include <string>
#include <vector>

namespace status2::netem {

struct command_result {
  int exit_code = 0;
  /// Standard output and standard error, as they came.
  std::string output;
};

/// Blocks: until the command has ended.
/// Errors: exit code 127 when there is no such program.
command_result run_command(const std::vector<std::string>& words);

}  // namespace status2::netem
