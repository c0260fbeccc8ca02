#include "transport/close_reason.hpp"

#include <array>

namespace status2::transport {

namespace {

constexpr auto debug = close_level::debug;
constexpr auto info = close_level::info;
constexpr auto warn = close_level::warn;

constexpr std::array<close_row, close_reason_count> rows{{
#define X(name, code, hangup, level, text) {#name, code, hangup, level, text},
    STATUS2_CLOSE_REASONS(X)
#undef X
}};

}  // namespace

const close_row& describe(close_reason reason) {
  return rows[static_cast<std::size_t>(reason)];
}

}  // namespace status2::transport
