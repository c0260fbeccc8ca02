/// The command line's verbs: what each does and the exit code it ends with.
#pragma once

#include "service/configuration.hpp"

#include <functional>
#include <string>
#include <vector>

namespace status2::service {

/// Serves until it is told to end; returns the exit code. The second argument
/// reads the configuration again.
using serve_function =
    std::function<int(const load_result&, const configuration_loader&)>;

/// Runs the command that `arguments` (without the program's name) ask for.
/// Blocks: until it is done. Errors: a line on standard error, exit code 1 for
/// what could not be done and 2 for a bad configuration or usage.
int run_command(std::vector<std::string> arguments,
                const serve_function& serve);

}  // namespace status2::service
