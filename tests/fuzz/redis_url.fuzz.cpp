// The address of Redis: whatever is accepted, no secret is shown.
#include "redis/url.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <string>

using namespace status2;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  auto url = redis::parse_url(fuzz::text_of(data, size));
  if (!url) return 0;
  fuzz::holds(!url->host.empty() || !url->unix_path.empty(),
              "an address leads somewhere");
  const auto shown = redis::redacted(*url);
  url->password = "another password";
  url->user = "somebody else";
  fuzz::holds(redis::redacted(*url) == shown,
              "what is shown depends on no secret");
  return 0;
}
