// A payload on its way to a browser: always JSON, and byte for byte what the
// plain way makes of it.
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/json_reference.hpp"
#include "transport/clean_run.hpp"
#include "transport/json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <string>

using namespace status2;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto payload = fuzz::text_of(data, size);
  std::string escaped;
  transport::append_json_string(escaped, payload);
  boost::json::error_code error;
  const auto value = boost::json::parse(escaped, error);
  fuzz::holds(!error && value.is_string(), "what is sent is a JSON string");
  fuzz::holds(escaped == test::plainly_escaped(payload),
              "it is escaped as the plain way does it");
  fuzz::holds(transport::clean_run_end(payload, 0) ==
                  transport::clean_run_end_by_words(payload, 0),
              "the way for any machine finds the same");
  return 0;
}
