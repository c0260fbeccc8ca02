#pragma once

// Pure. The command line.

#include "compose/netem/link_model.hpp"
#include "compose/netem/rule.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace status2::netem {

enum class verb { help, run, status, cleanup, probe };

struct options {
  verb what = verb::help;
  link_settings link;
  rule_settings rule;
  /// Nothing: until a signal.
  std::optional<duration> run_for;
};

/// Errors: throws a failure with exit_code::usage that names the flag.
options parse_options(std::span<const std::string_view> words);

extern const std::string_view usage_text;

}  // namespace status2::netem
