/// Names that a test invents: the executable's own getaddrinfo() knows them,
/// and asks the system for all others.
#pragma once

#include <string>
#include <vector>

namespace status2::support {

/// Thread: any; lookups run on the threads of their callers.
class name_table {
 public:
  name_table() = default;
  /// Removes the names of this table. Blocks: until none is being looked up.
  ~name_table();
  name_table(const name_table&) = delete;
  name_table& operator=(const name_table&) = delete;

  /// From now on `name` has these numeric addresses, in this order; none: the
  /// name is unknown.
  void set(const std::string& name, std::vector<std::string> addresses);
  /// Lookups of `name` that begin from now on do not end before set() or the
  /// destructor.
  void hang(const std::string& name);
  /// Whether a lookup of `name` is waiting.
  static bool hangs_now(const std::string& name);
};

}  // namespace status2::support
