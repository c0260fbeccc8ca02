#include "service/memory_reserve.hpp"

#include "actors/log.hpp"

#include <chrono>
#include <malloc.h>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace status2::service {

namespace {

using actors::log;
using actors::log_event;

void* map_pages(std::size_t bytes) noexcept {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void unmap_pages(void* memory, std::size_t bytes) noexcept {
  ::munmap(memory, bytes);
}

void on_failed_allocation() {
  thread_local std::uint64_t seen = 0;
  if (!process_reserve().on_failure(seen)) throw std::bad_alloc();
}

}  // namespace

reserve_source kernel_pages() {
  return {map_pages, unmap_pages};
}

memory_reserve::memory_reserve(reserve_source source) : source_(source) {
  take();
}

memory_reserve::~memory_reserve() {
  if (void* const block = block_.exchange(nullptr))
    source_.give_back(block, size);
}

bool memory_reserve::on_failure(std::uint64_t& seen) noexcept {
  if (void* const block = block_.exchange(nullptr)) {
    source_.give_back(block, size);
    ++given_back_;
  }
  const auto now = given_back_.load();
  if (std::exchange(seen, now) != now) return true;
  ++failures_;
  return false;
}

bool memory_reserve::take() noexcept {
  if (held()) return true;
  void* const block = source_.take(size);
  if (block == nullptr) return false;
  void* nothing = nullptr;
  if (!block_.compare_exchange_strong(nothing, block))
    source_.give_back(block, size);
  return true;
}

memory_reserve& process_reserve() {
  // Never destroyed: threads allocate to the very end.
  static auto* const reserve = new memory_reserve;
  return *reserve;
}

void install_memory_reserve() {
  process_reserve();
  std::set_new_handler(on_failed_allocation);
}

reserve_watch::reserve_watch(boost::asio::io_context& loop,
                             memory_reserve& reserve)
    : timer_(loop), reserve_(reserve) {
  look_later();
}

void reserve_watch::look_later() {
  constexpr std::chrono::seconds interval{1};
  timer_.expires_after(interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    // First: Asio still has the memory of this wait.
    look_later();
    look();
  });
}

void reserve_watch::look() {
  if (reserve_.held()) return;
  if (!std::exchange(logged_, true)) log(log_event::out_of_memory);
  // Memory that was freed may still belong to the allocator.
  ::malloc_trim(0);
  if (!reserve_.take()) return;
  log(log_event::memory_back);
  logged_ = false;
}

}  // namespace status2::service
