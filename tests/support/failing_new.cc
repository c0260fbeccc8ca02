// malloc() and free() with a count in front. All forms of single objects are
// replaced, so that a sanitizer sees no pair that does not belong together.
#include "tests/support/failing_new.hpp"

#include <cstdlib>
#include <new>
#include <utility>

namespace {

thread_local std::size_t to_succeed = 0;
thread_local std::size_t to_fail = 0;
thread_local std::size_t failed = 0;

bool fails() {
  if (to_fail == 0) return false;
  if (to_succeed > 0) {
    --to_succeed;
    return false;
  }
  --to_fail;
  ++failed;
  return true;
}

}  // namespace

namespace status2::support {

void fail_allocations(std::size_t allowed, std::size_t failing) {
  failed = 0;
  to_succeed = allowed;
  to_fail = failing;
}

std::size_t end_failures() {
  to_fail = 0;
  return failed;
}

}  // namespace status2::support

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void* operator new(std::size_t size) {
  if (void* const memory = ::operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
