#pragma once

// The rules of this network namespace, through iptables.

#include "compose/netem/rule.hpp"

#include <string>
#include <vector>

namespace status2::netem {

/// Errors: throws a failure, exit_code::refused, when iptables cannot be asked.
std::vector<found_rule> own_rules();

/// Our rules and what else is in the way of a run on this interface.
/// Errors: throws a failure, exit_code::refused, that says what it is.
void refuse_unless_free(const std::string& interface);

/// Errors: throws a failure, exit_code::refused.
void add_rule(const rule_settings& settings);

/// Errors: throws a failure, exit_code::left_over; a rule that is already gone
/// is no error.
void remove_rule(const rule_settings& settings);

/// Removes every rule of ours, and returns them.
/// Errors: throws a failure, exit_code::left_over.
std::vector<found_rule> remove_own_rules();

}  // namespace status2::netem
