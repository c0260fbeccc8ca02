// A client's text message: Boost.JSON is the judge of what is an object.
#include "tests/fuzz/fuzz.hpp"
#include "transport/json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

using namespace status2;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const auto kind = transport::parse_client_message(text);
  boost::json::error_code error;
  const auto value = boost::json::parse({text.data(), text.size()}, error);
  const bool object = !error && value.is_object();
  if (kind == transport::client_message::init ||
      kind == transport::client_message::pong)
    fuzz::holds(object && value.as_object().contains("type"),
                "a known message is an object with a type");
  if (object)
    fuzz::holds(kind != transport::client_message::malformed,
                "an object is not malformed");
  return 0;
}
