#include "transport/refusal.hpp"

#include <array>

namespace status2::transport {

namespace {

using boost::beast::http::field;

constexpr std::array<refusal_row, refusal_count> rows{{
#define X(name, status, kind, header, value, setting, text) \
  {#name, status, refusal_kind::kind, field::header, value, setting, text},
    STATUS2_REFUSALS(X)
#undef X
}};

}  // namespace

const refusal_row& describe(refusal why) {
  return rows[static_cast<std::size_t>(why)];
}

}  // namespace status2::transport
