// A client's text message: Boost.JSON is the judge of what is JSON, apart from
// surrogates and from Boost.JSON's own bounds.
#include "transport/client_message.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/json/error.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

using namespace status2;
using transport::client_message;

namespace {

/// The kind of a message; nothing if several names are spellings of `type`: an
/// object of Boost.JSON does not keep the order of such names.
/// A name in any case is the same, and the last one counts, as in Go.
std::optional<client_message> kind_of(const boost::json::value& value) {
  auto kind = client_message::other;
  const auto* object = value.if_object();
  if (object == nullptr) return kind;
  int names = 0;
  for (const auto& member : *object) {
    if (!boost::algorithm::iequals(std::string_view(member.key()), "type"))
      continue;
    ++names;
    const auto* text = member.value().if_string();
    if (text == nullptr) continue;
    if (boost::algorithm::iequals(*text, "init")) kind = client_message::init;
    if (boost::algorithm::iequals(*text, "pong")) kind = client_message::pong;
    if (boost::algorithm::iequals(*text, "auth")) kind = client_message::auth;
  }
  if (names > 1) return std::nullopt;
  return kind;
}

/// `text` with characters of other scripts in place of escaped surrogates.
/// Boost.JSON refuses those that have no partner; the grammar does not.
std::string without_surrogates(std::string text) {
  for (std::size_t at = 0; at + 4 <= text.size(); ++at) {
    if (text.compare(at, 2, "\\u") != 0) continue;
    const bool surrogate =
        (text[at + 2] == 'd' || text[at + 2] == 'D') &&
        std::string_view("89abcdefABCDEF").find(text[at + 3]) !=
            std::string_view::npos;
    if (surrogate) text.replace(at + 2, 2, "20");
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const auto kind = transport::parse_client_message(text);
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = 1000;
  const auto value = boost::json::parse(without_surrogates(std::string(text)),
                                        error, {}, options);
  if (!error) {
    fuzz::holds(kind != client_message::malformed, "both find it well formed");
    const auto expected = kind_of(value);
    fuzz::holds(!expected || kind == *expected, "both read the same type");
    fuzz::holds(
        kind == client_message::auth || transport::token_of_auth(text).empty(),
        "only an auth message has a token");
  } else if (error != boost::json::error::too_deep &&
             error != boost::json::error::exponent_overflow) {
    fuzz::holds(kind == client_message::malformed, "both find it malformed");
  }
  return 0;
}
