/// Allocations that fail when a test wants it: `operator new` of the loopback
/// tests, which is in failing_new.cc.
#pragma once

#include <cstddef>

namespace status2::support {

/// Lets `allowed` more allocations of this thread succeed and the next
/// `failing` fail with std::bad_alloc.
void fail_allocations(std::size_t allowed, std::size_t failing = 1);
/// Allocations of this thread succeed again. Returns how many failed.
std::size_t end_failures();

}  // namespace status2::support
