// When the reserve goes, and when it comes back.
#include "service/memory_reserve.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

using status2::service::memory_reserve;
using status2::service::reserve_source;

namespace {

// A source is two plain functions, as the handler of `new` may not allocate.
bool available = true;
std::size_t taken = 0;
std::size_t given_back = 0;

reserve_source fake_source() {
  available = true;
  taken = given_back = 0;
  return {[](std::size_t bytes) noexcept -> void* {
            static std::byte block;
            if (!available) return nullptr;
            taken += bytes;
            return &block;
          },
          [](void*, std::size_t bytes) noexcept { given_back += bytes; }};
}

}  // namespace

CAF_TEST(the first failure gives the reserve back and may try again once) {
  memory_reserve reserve(fake_source());
  std::uint64_t seen = 0;
  CAF_CHECK(reserve.held());
  CAF_CHECK_EQUAL(taken, memory_reserve::size);
  CAF_CHECK(reserve.on_failure(seen));
  CAF_CHECK(!reserve.held());
  CAF_CHECK_EQUAL(given_back, memory_reserve::size);
  CAF_CHECK_EQUAL(reserve.failures(), 0);
  CAF_CHECK(!reserve.on_failure(seen));
  CAF_CHECK_EQUAL(given_back, memory_reserve::size);
  CAF_CHECK_EQUAL(reserve.failures(), 1);
}

CAF_TEST(every thread may try again once) {
  memory_reserve reserve(fake_source());
  std::array<std::uint64_t, 3> seen{};
  for (auto& thread : seen)
    CAF_CHECK(reserve.on_failure(thread));
  for (auto& thread : seen)
    CAF_CHECK(!reserve.on_failure(thread));
  CAF_CHECK_EQUAL(given_back, memory_reserve::size);
}

CAF_TEST(the reserve is taken again when there is memory) {
  memory_reserve reserve(fake_source());
  std::uint64_t seen = 0;
  reserve.on_failure(seen);
  available = false;
  CAF_CHECK(!reserve.take());
  CAF_CHECK(!reserve.held());
  available = true;
  CAF_CHECK(reserve.take());
  CAF_CHECK(reserve.take());
  CAF_CHECK(reserve.held());
  CAF_CHECK_EQUAL(taken, 2 * memory_reserve::size);
  // It helps as before.
  CAF_CHECK(reserve.on_failure(seen));
  CAF_CHECK(!reserve.on_failure(seen));
}

CAF_TEST(a reserve that is not there at the start helps nobody) {
  const auto source = fake_source();
  available = false;
  memory_reserve reserve(source);
  std::uint64_t seen = 0;
  CAF_CHECK(!reserve.held());
  CAF_CHECK(!reserve.on_failure(seen));
  CAF_CHECK_EQUAL(given_back, 0u);
}

CAF_TEST(the reserve goes with its object) {
  { const memory_reserve reserve(fake_source()); }
  CAF_CHECK_EQUAL(given_back, memory_reserve::size);
}

CAF_TEST(pages of the kernel can be used) {
  const auto source = status2::service::kernel_pages();
  auto* const memory = static_cast<char*>(source.take(memory_reserve::size));
  CAF_REQUIRE(memory != nullptr);
  memory[memory_reserve::size - 1] = 'x';
  source.give_back(memory, memory_reserve::size);
}
