#include "service/configuration_file.hpp"

#include <boost/algorithm/string/trim.hpp>

#include <algorithm>

namespace status2::service {

namespace {

bool is_key(std::string_view name) {
  return std::any_of(keys().begin(), keys().end(),
                     [name](const key& row) { return row.variable == name; });
}

/// Whether `name` looks like a variable and may be shown. Anything else may be
/// a part of a secret.
bool is_name(std::string_view name) {
  constexpr std::size_t longest = 64;
  return !name.empty() && name.size() <= longest &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

/// What is wrong with a line for `name`; empty if nothing is.
std::string problem_of(const std::string& name, const file_result& so_far) {
  if (!is_name(name)) return "the name of the variable is not accepted";
  if (name == config_file_variable) return name + " is for the environment";
  if (!is_key(name)) return name + " is unknown; see status2 --help";
  const auto before = so_far.entries.find(name);
  if (before != so_far.entries.end())
    return name + " is also in line " + std::to_string(before->second.line);
  return {};
}

}  // namespace

file_result parse_configuration_file(std::string_view text,
                                     const std::string& path) {
  file_result result;
  std::size_t number = 0;
  while (!text.empty() && result.error.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = boost::trim_copy(std::string(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    std::string problem = "no KEY=value";
    if (equals != std::string::npos) {
      const auto name = boost::trim_copy(line.substr(0, equals));
      problem = problem_of(name, result);
      if (problem.empty())
        result.entries[name] = {boost::trim_copy(line.substr(equals + 1)),
                                number};
    }
    if (!problem.empty())
      result.error = path + ":" + std::to_string(number) + ": " + problem;
  }
  return result;
}

}  // namespace status2::service
