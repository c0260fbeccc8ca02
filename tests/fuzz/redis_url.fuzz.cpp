// The address of Redis: no secret is shown, whether a URL is accepted or
// refused, and a URL that is shown leads to the same place.
#include "redis/url.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <string>

using namespace status2;

namespace {

void check_accepted(std::string_view text, redis::redis_url& url) {
  fuzz::holds(!url.endpoints.empty(), "an address leads somewhere");
  const auto shown = redis::redacted(url);
  if (url.endpoints.front().unix_path.empty()) {
    auto again = redis::parse_url(shown);
    fuzz::holds(bool(again), "a URL that is shown is accepted");
    fuzz::holds(again->endpoints == url.endpoints && again->kind == url.kind &&
                    again->tls == url.tls && again->database == url.database &&
                    again->master_name == url.master_name,
                "a URL that is shown leads to the same place");
  }
  auto hidden = redis::parse_url(redis::without_secrets(text));
  fuzz::holds(bool(hidden), "a URL without its secrets is accepted");
  fuzz::holds(hidden->password == "***" ||
                  (hidden->password.empty() && url.password.empty()),
              "a URL without its secrets holds no password");
  fuzz::holds(redis::redacted(*hidden) == shown,
              "a URL without its secrets leads to the same place");
  url.password = "another password";
  url.user = "somebody else";
  url.sentinel_user = "a third one";
  url.sentinel_password = "a third password";
  fuzz::holds(redis::redacted(url) == shown,
              "a URL that is shown depends on no secret");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  auto url = redis::parse_url(text);
  fuzz::holds(bool(url) == url.problem.empty(), "a refusal has a reason");
  if (url) {
    check_accepted(text, *url);
    return 0;
  }
  const auto shown = redis::without_secrets(text);
  fuzz::holds(shown.ends_with("***"), "of a refused URL only a scheme stays");
  return 0;
}
