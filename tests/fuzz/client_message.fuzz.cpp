// A client's text message: Boost.JSON is the judge of what is an object.
#include "tests/fuzz/fuzz.hpp"
#include "transport/json.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <string_view>

using namespace status2;

namespace {

/// A name in any case is the same, as it was in Go.
bool has_type(const boost::json::object& message) {
  return std::any_of(message.begin(), message.end(), [](const auto& member) {
    return boost::algorithm::iequals(std::string_view(member.key()), "type");
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const auto kind = transport::parse_client_message(text);
  boost::json::error_code error;
  const auto value = boost::json::parse({text.data(), text.size()}, error);
  const bool object = !error && value.is_object();
  if (kind == transport::client_message::init ||
      kind == transport::client_message::pong)
    fuzz::holds(object && has_type(value.as_object()),
                "a known message is an object with a type");
  if (object)
    fuzz::holds(kind != transport::client_message::malformed,
                "an object is not malformed");
  return 0;
}
