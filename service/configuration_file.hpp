/// Reads the text of a configuration file. Pure.
#pragma once

#include "service/configuration_keys.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace status2::service {

/// What a line says, by variable.
struct file_entry {
  std::string text;
  std::size_t line = 0;  ///< from 1
};

/// Either entries, or the first line that is not accepted.
struct file_result {
  std::map<std::string, file_entry, std::less<>> entries;
  /// `path:line: problem`, without any text of the line, which may be a secret,
  /// apart from the name of a variable. Empty: all is well.
  std::string error;
};

/// Reads lines `KEY=value`. Blanks around key and value do not count, nor do
/// empty lines and lines that begin with `#`. The value is taken as it is:
/// quotes and later `#` belong to it. `path` is for errors only.
/// Errors: file_result::error names a line that has no `=`, a variable that is
/// not in the table, and a variable that comes twice.
file_result parse_configuration_file(std::string_view text,
                                     const std::string& path);

}  // namespace status2::service
