// Preloaded into the broker: counts its allocations in a file of eight bytes
// that the test maps too (STATUS2_MALLOC_COUNT). glibc's own names do the work.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using counter = std::atomic<std::uint64_t>;
static_assert(sizeof(counter) == sizeof(std::uint64_t));

counter before_mapping{0};
counter* allocations = &before_mapping;

[[gnu::constructor]] void map_counter() {
  const char* path = std::getenv("STATUS2_MALLOC_COUNT");
  if (path == nullptr) return;
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) std::abort();
  void* mapped = ::mmap(nullptr, sizeof(counter), PROT_READ | PROT_WRITE,
                        MAP_SHARED, fd, 0);
  ::close(fd);
  if (mapped == MAP_FAILED) std::abort();
  allocations = static_cast<counter*>(mapped);
}

void count() {
  allocations->fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* libc_malloc(std::size_t size) __asm__("__libc_malloc");
void* libc_calloc(std::size_t number,
                  std::size_t size) __asm__("__libc_calloc");
void* libc_realloc(void* memory, std::size_t size) __asm__("__libc_realloc");
void* libc_memalign(std::size_t alignment,
                    std::size_t size) __asm__("__libc_memalign");

void* malloc(std::size_t size) {
  count();
  return libc_malloc(size);
}

void* calloc(std::size_t number, std::size_t size) {
  count();
  return libc_calloc(number, size);
}

void* realloc(void* memory, std::size_t size) {
  count();
  return libc_realloc(memory, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count();
  return libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  count();
  *memory = libc_memalign(alignment, size);
  return *memory == nullptr ? 12 : 0;  // ENOMEM
}

}  // extern "C"
