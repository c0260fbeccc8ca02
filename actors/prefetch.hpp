/// Fetching memory ahead of its use. With thousands of channels and sessions
/// what a message touches is in no cache, and one miss after the other costs
/// more than all the work in between. So each step of the way fetches for all
/// messages of a read what the next step touches.
#pragma once

#include <cstddef>
#include <cstdint>

namespace status2::actors {

/// Starts to fetch `size` bytes from `start` on, whole cache lines, and does
/// not wait for them. Any address will do. Thread: any.
inline void prefetch_bytes(const void* start, std::size_t size) {
  constexpr std::size_t line = 64;
  const auto* at = static_cast<const char*>(start);
  const auto* const end = at + size;
  at -= reinterpret_cast<std::uintptr_t>(start) % line;
  for (; at < end; at += line)
    __builtin_prefetch(at);
}

}  // namespace status2::actors
