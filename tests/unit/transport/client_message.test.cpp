// What is JSON and what is not, and the type of a client message.
#include "transport/client_message.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace status2::transport;
using namespace std::string_view_literals;

namespace {

/// `text` alone, and as the value of a member and of an array beside a type.
void check(std::string_view text, bool json) {
  const auto alone = parse_client_message(text);
  CAF_CHECK_EQUAL(alone != client_message::malformed, json);
  const std::string value(text);
  for (const auto& around :
       {R"({"x":)" + value + R"(,"type":"init"})",
        R"({"type":"init","x":[0,)" + value + R"(,{"type":"pong"}]})"}) {
    const auto kind = parse_client_message(around);
    CAF_CHECK_EQUAL(kind == client_message::init, json);
    CAF_CHECK_EQUAL(kind == client_message::malformed, !json);
    if ((kind == client_message::init) != json)
      CAF_MESSAGE("the value was: " << value);
  }
}

std::string nested(std::size_t depth, std::string_view open,
                   std::string_view inside, std::string_view close) {
  std::string text;
  for (std::size_t level = 0; level < depth; ++level)
    text += open;
  text += inside;
  for (std::size_t level = 0; level < depth; ++level)
    text += close;
  return text;
}

}  // namespace

CAF_TEST(every_value_of_the_grammar_is_json) {
  for (const auto text :
       {// Words and structures.
        "null"sv, "true"sv, "false"sv, "[]"sv, "{}"sv, "[[]]"sv, "[{}]"sv,
        "[1,2]"sv, R"({"a":1,"b":[{}]})"sv, R"({"":0})"sv, R"({"a":1,"a":2})"sv,
        " [ 1 , 2 ] "sv, "\t{\n\"a\"\r: 1 }"sv, R"([null,true,false,0,""])"sv,
        // Numbers.
        "0"sv, "-0"sv, "1"sv, "-1"sv, "10"sv, "1.5"sv, "0.0"sv, "-0.0e-0"sv,
        "1e5"sv, "1E5"sv, "1e+5"sv, "1e-5"sv, "1e05"sv, "1e400"sv, "-1e400"sv,
        "1e-400"sv, "1e99999999999999999999"sv, "0e9999999999"sv,
        "123456789012345678901234567890"sv, "-9223372036854775809"sv,
        "18446744073709551616"sv, "0.30000000000000000000000000000000001"sv,
        // Strings.
        R"("")"sv, R"("a")"sv, "\"\x7f\""sv, "\"é€😀\""sv, "\"\xef\xbf\xbf\""sv,
        "\"\xf4\x8f\xbf\xbf\""sv, R"("\"\\\/\b\f\n\r\t")"sv, R"("\u0000")"sv,
        R"("\u00e9\uFFFF")"sv,
        // Surrogates: a pair, alone, in the wrong order, before a character.
        R"("\ud83d\ude00")"sv, R"("\ud800")"sv, R"("\uDFFF")"sv,
        R"("\udc00\ud800")"sv, R"("\ud800\ud800\udc00")"sv, R"("\ud800x")"sv,
        R"("\ud800\n")"sv, R"("\ud800\u0041")"sv})
    check(text, true);
  check(std::string(5000, '1') + "." + std::string(5000, '2') + "e" +
            std::string(5000, '3'),
        true);
  check('"' + std::string(60000, 'x') + '"', true);
}

CAF_TEST(whatever_is_not_in_the_grammar_is_malformed) {
  for (const auto text :
       {// Words and structures.
        ""sv, " "sv, "init"sv, "nul"sv, "nulll"sv, "True"sv, "NaN"sv,
        "Infinity"sv, "undefined"sv, "["sv, "]"sv, "{"sv, "}"sv, "[}"sv, "{]"sv,
        "[1"sv, "[1,]"sv, "[,1]"sv, "[,]"sv, "[1 2]"sv, "[1:2]"sv, "[]]"sv,
        "[1]x"sv, "{}{}"sv, "{,}"sv, R"({"a"})"sv, R"({"a":})"sv,
        R"({"a":1,})"sv, R"({,"a":1})"sv, R"({"a",1})"sv, R"({"a" 1})"sv,
        R"({a:1})"sv, R"({'a':1})"sv, R"({1:1})"sv, R"({"a":1 "b":2})"sv,
        R"({"a":1)"sv, R"({"a")"sv, R"({"a":)"sv, R"({"a":1]})"sv, "[1//x\n]"sv,
        "[1/*x*/]"sv, ":"sv, R"("a":1)"sv,
        // Space that is none in JSON: form feed, no-break space, BOM, NUL.
        "[\f1]"sv, "[\v1]"sv,
        "[\xc2\xa0"
        "1]"sv,
        "\xef\xbb\xbf{}"sv, "[1\0]"sv, "\0"sv,
        // Numbers.
        "01"sv, "-01"sv, "00"sv, "+1"sv, "-"sv, "--1"sv, "-a"sv, ".5"sv,
        "-.5"sv, "1."sv, "1.e5"sv, "1e"sv, "1e+"sv, "1e+-5"sv, "1e5.5"sv,
        "1eE5"sv, "0x1F"sv, "1_000"sv, "1,000"sv.substr(0, 2), "\xef\xbc\x91"sv,
        // Strings.
        "\""sv, R"("a)"sv, R"('a')"sv, "\"\n\""sv, "\"\t\""sv, "\"\0\""sv,
        "\"\x1f\""sv, R"("\")"sv, R"("\x41")"sv, R"("\a")"sv, R"("\'")"sv,
        R"("\0")"sv, R"("\U0041")"sv, R"("\u")"sv, R"("\u004")"sv,
        R"("\u004g")"sv, R"("\u 041")"sv, R"("\u-041")"sv, R"("\u{41}")"sv,
        R"("\ud800\u")"sv, R"("\ud800\ud8")"sv,
        // Bytes that are not UTF-8.
        "\"\x80\""sv, "\"\xc0\x80\""sv, "\"\xed\xa0\x80\""sv,
        "\"\xf4\x90\x80\x80\""sv, "\"\xe2\x82\""sv, "[\xff]"sv})
    check(text, false);
}

CAF_TEST(nesting_has_a_bound_and_takes_no_stack) {
  using m = client_message;
  const auto arrays = [](std::size_t depth) {
    return parse_client_message(R"({"type":"init","x":)" +
                                nested(depth, "[", "", "]") + "}");
  };
  const auto objects = [](std::size_t depth) {
    return parse_client_message(R"({"type":"init","x":)" +
                                nested(depth, R"({"a":)", "0", "}") + "}");
  };
  for (const std::size_t depth : {1U, 31U, 32U, 33U, 1000U}) {
    CAF_CHECK(arrays(depth) == m::init);
    CAF_CHECK(objects(depth) == m::init);
  }
  CAF_CHECK(arrays(max_json_depth - 1) == m::init);
  CAF_CHECK(arrays(max_json_depth) == m::malformed);
  CAF_CHECK(objects(max_json_depth - 1) == m::init);
  CAF_CHECK(objects(max_json_depth) == m::malformed);
  CAF_CHECK(parse_client_message(std::string(10'000'000, '[')) == m::malformed);
  // Depth counts what is open, not what was.
  std::string wide = R"({"type":"pong","x":[0)";
  for (std::size_t at = 0; at < 2 * max_json_depth; ++at)
    wide += ",[{}]";
  CAF_CHECK(parse_client_message(wide + "]}") == m::pong);
  // Each level remembers whether it is an array.
  CAF_CHECK(parse_client_message(nested(100, R"([{"a":)", "0", "}]")) ==
            m::other);
  CAF_CHECK(parse_client_message(nested(100, R"([{"a":)", "0", "]}")) ==
            m::malformed);
}

CAF_TEST(the_type_of_a_message) {
  using m = client_message;
  struct row {
    std::string_view text;
    client_message kind;
  };
  for (const auto& [text, kind] : std::vector<row>{
           {R"({"type":"init"})", m::init},
           {R"({"type":"pong"})", m::pong},
           {R"({"type":"INIT"})", m::init},
           {R"( {"x":[1,{}], "type" : "Pong"} )", m::pong},
           {R"({"Type":"pong"})", m::pong},
           {R"({"tYPE":"iNiT","data":{"n":1e400}})", m::init},
           {R"({"type":"auth","token":"x"})", m::auth},
           {R"({"token":7,"TYPE":"Auth"})", m::auth},
           // Written as escapes.
           {R"({"\u0074ype":"\u0069nit"})", m::init},
           {R"({"\u0054\u0059pe":"\u0050on\u0067"})", m::pong},
           // The last one counts.
           {R"({"type":"init","type":"pong"})", m::pong},
           {R"({"type":"pong","TYPE":"init"})", m::init},
           {R"({"type":"init","type":"x"})", m::other},
           {R"({"type":"init","type":7})", m::other},
           {R"({"type":"init","type":null})", m::other},
           {R"({"type":"init","type":["pong"]})", m::other},
           {R"({"type":"init","types":"pong"})", m::init},
           // Only the outermost object has a say.
           {R"({"x":{"type":"init"}})", m::other},
           {R"({"type":"init","x":{"type":"pong"}})", m::init},
           {R"({"type":{"type":"init"}})", m::other},
           {R"({"type":["init"],"x":"init"})", m::other},
           {R"([{"type":"init"}])", m::other},
           {R"(["type","init"])", m::other},
           // Other types, and none.
           {"{}", m::other},
           {R"({"type":"other"})", m::other},
           {R"({"type":1})", m::other},
           {R"({"type":null})", m::other},
           {R"({"kind":"init"})", m::other},
           {R"({"type":""})", m::other},
           {R"({"type":"ini"})", m::other},
           {R"({"type":"initx"})", m::other},
           {R"({"type":"init\u0000"})", m::other},
           {R"({"type":"init\n"})", m::other},
           {R"({"type":"\ud800init"})", m::other},
           {R"({"type":"\u0169nit"})", m::other},
           {R"({"typ":"init"})", m::other},
           {R"({"type ":"init"})", m::other},
           {"[]", m::other},
           {"1", m::other},
           {R"("init")", m::other},
           {"null", m::other},
           // Not JSON, whatever came before.
           {R"({"type":"init")", m::malformed},
           {R"({"type":"init"} x)", m::malformed},
           {R"({"type":"init",})", m::malformed},
           {R"({"type":"init","x":01})", m::malformed},
           {"{'type':'init'}", m::malformed},
       })
    if (parse_client_message(text) != kind) CAF_ERROR("wrong: " << text);
}

CAF_TEST(every_cut_of_a_message_is_malformed) {
  const std::string text =
      R"({"a":[1.5e+3,"\ud83d\n",null,true,false,{"":{}}],"type":"init"})";
  CAF_CHECK(parse_client_message(text) == client_message::init);
  for (std::size_t size = 0; size < text.size(); ++size)
    CAF_CHECK(parse_client_message(std::string_view(text).substr(0, size)) ==
              client_message::malformed);
}

CAF_TEST(a_message_may_carry_a_token) {
  for (const auto& [text, token] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {R"({"type":"auth","token":"a.b-c._d"})", "a.b-c._d"},
           {R"({"Token":"a.b.c","x":{"token":"no"},"type":"AUTH"})", "a.b.c"},
           {R"({"type":"auth","token":"a","token":"b"})", "b"},
           {R"({"type":"auth","token":"a","token":7})", ""},
           {R"({"type":"auth","token":["a"]})", ""},
           {R"({"type":"auth","x":{"token":"a"}})", ""},
           {R"({"type":"auth"})", ""},
           {R"({"type":"init","token":"a"})", ""},
           {R"({"type":"auth","token":"a")", ""},
           // As it stands there; no token has an escape.
           {R"({"type":"auth","token":"a\u002eb"})", R"(a\u002eb)"},
       })
    CAF_CHECK_EQUAL(token_of_auth(text), token);
}
