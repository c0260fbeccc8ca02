/// What a run says about the server, as the JSON object that run.py reads.
#pragma once

#include "tests/bench/load_run.hpp"

#include <string>

namespace status2::bench {

/// One JSON object in one line; a figure that the run cannot give is null.
/// tests/bench/README.md says what each number means.
std::string report(const load_options& options, const load_result& result);

}  // namespace status2::bench
