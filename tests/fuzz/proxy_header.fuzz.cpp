// PROXY headers: an answer is final, whatever follows and however the bytes
// come.
#include "transport/proxy_header.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <string>

using namespace status2;

namespace {

using state = transport::proxy_header_state;

constexpr std::size_t limit = 1000;

bool same(const transport::proxy_header_result& left,
          const transport::proxy_header_result& right) {
  const auto& a = left.header.client;
  const auto& b = right.header.client;
  return left.state == right.state && left.size == right.size &&
         left.header.local == right.header.local &&
         a.has_value() == b.has_value() &&
         (!a || (a->v6 == b->v6 && a->port == b->port && a->bytes == b->bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  const auto whole = transport::read_proxy_header(bytes, limit);
  fuzz::holds((whole.state == state::done) == (whole.size != 0),
              "a header has bytes");
  fuzz::holds(whole.size <= std::min(limit, bytes.size()),
              "a header ends within its bytes and the limit");
  fuzz::holds(!whole.header.local || !whole.header.client,
              "who speaks for itself names nobody");
  fuzz::holds(whole.state != state::more || bytes.size() < limit,
              "more than the limit is not awaited");
  bool decided = false;
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const auto part =
        transport::read_proxy_header(bytes.substr(0, length), limit);
    decided = decided || part.state != state::more;
    if (decided) fuzz::holds(same(part, whole), "later bytes change no answer");
  }
  return 0;
}
