/// The documents that are generated from the tables of keys, metrics and log
/// events. `./dev docs` writes them, a test compares them.
#pragma once

#include "service/configuration.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace status2::service {

std::string configuration_document();  ///< docs/configuration.md
std::string environment_document();    ///< compose/.env.example
std::string metrics_document();        ///< docs/metrics.md
std::string logs_document();           ///< docs/logs.md

/// By the name that `status2 docs` takes: configuration, env, metrics, logs.
std::optional<std::string> document(std::string_view name);

/// `--print-config`: a line a variable with its text and its source.
std::string print_configuration(const load_result& loaded);

/// `--check-config` of a configuration without errors.
std::string check_report(const configuration& values);

/// Settings without effect, in one line; empty if there are none.
std::string ignored_text(const configuration& values);

}  // namespace status2::service
