// A payload on its way to a browser: always JSON and UTF-8, and unchanged
// where it was UTF-8 before.
#include "tests/fuzz/fuzz.hpp"
#include "transport/json.hpp"
#include "transport/utf8.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <string>

using namespace status2;

namespace {

/// `text` with each byte that is no UTF-8 replaced: said again, simply.
std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = transport::utf8_sequence(text);
    if (length == 0)
      out += "\xef\xbf\xbd";
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto payload = fuzz::text_of(data, size);
  std::string escaped;
  transport::append_json_string(escaped, payload);
  boost::json::error_code error;
  const auto value = boost::json::parse(escaped, error);
  fuzz::holds(!error && value.is_string(), "what is sent is a JSON string");
  fuzz::holds(value.as_string() == repaired(payload),
              "a browser gets the payload");
  return 0;
}
