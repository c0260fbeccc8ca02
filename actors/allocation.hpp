/// Memory that the allocator takes for what is asked of it, for budgets. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

namespace status2::actors {

/// Memory of one allocation of `bytes`, as the allocator rounds it.
constexpr std::size_t allocated(std::size_t bytes) {
  constexpr std::size_t unit = 16;
  constexpr std::size_t head = 8;
  constexpr std::size_t least = 32;
  if (bytes == 0) return 0;
  return std::max(least, (bytes + head + unit - 1) / unit * unit);
}

/// Memory of `text` beside the object itself.
inline std::size_t allocated(const std::string& text) {
  const bool inside = text.capacity() <= std::string().capacity();
  return inside ? 0 : allocated(text.capacity() + 1);
}

}  // namespace status2::actors
