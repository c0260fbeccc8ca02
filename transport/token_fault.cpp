#include "transport/token_fault.hpp"

#include <array>

namespace status2::transport {

namespace {

constexpr std::array<token_fault_row, token_fault_count> rows{{
#define X(name, refused, text) {#name, refusal::refused, text},
    STATUS2_TOKEN_FAULTS(X)
#undef X
}};

}  // namespace

const token_fault_row& describe(token_fault why) {
  return rows[static_cast<std::size_t>(why)];
}

}  // namespace status2::transport
