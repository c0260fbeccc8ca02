#pragma once

// What ends a command early: a sentence for the operator and the exit code.

#include <stdexcept>
#include <string>
#include <system_error>

namespace status2::netem {

enum class exit_code : int {
  ok = 0,
  failed = 1,
  /// The command line makes no sense.
  usage = 2,
  /// Something is in the way, or cannot be had here; nothing was changed.
  refused = 3,
  /// A rule of ours is still there.
  left_over = 5,
};

/// What an errno means.
inline std::string error_text(int error) {
  return std::generic_category().message(error);
}

class failure : public std::runtime_error {
 public:
  failure(exit_code code, const std::string& what)
      : std::runtime_error(what), code_(code) {}
  exit_code code() const { return code_; }

 private:
  exit_code code_;
};

}  // namespace status2::netem
