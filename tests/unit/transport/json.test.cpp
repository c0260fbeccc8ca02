// Escaping of any bytes.
#include "transport/json.hpp"

#include <boost/json/parse.hpp>
#include <caf/test/unit_test.hpp>

using namespace status2::transport;

namespace {

const std::string unknown = "\xEF\xBF\xBD";

/// The JSON string of `bytes`, without its quotes.
std::string escaped(std::string_view bytes) {
  std::string out;
  append_json_string(out, bytes);
  CAF_REQUIRE(out.size() >= 2 && out.front() == '"' && out.back() == '"');
  return out.substr(1, out.size() - 2);
}

std::string unknowns(std::size_t count) {
  std::string out;
  while (count-- > 0)
    out += unknown;
  return out;
}

}  // namespace

CAF_TEST(every_single_byte_is_escaped_as_json_wants) {
  for (int value = 0; value < 256; ++value) {
    const std::string byte(1, static_cast<char>(value));
    // At every offset of a word, so that the fast path sees it too.
    for (std::size_t before = 0; before < 17; ++before) {
      const std::string around(before, '.');
      std::string text = "\"" + escaped(around + byte + around) + "\"";
      boost::system::error_code error;
      const auto parsed = boost::json::parse(text, error);
      CAF_REQUIRE(!error);
      const std::string read(parsed.as_string().c_str(),
                             parsed.as_string().size());
      CAF_REQUIRE_EQUAL(read,
                        around + (value < 0x80 ? byte : unknown) + around);
    }
  }
}

CAF_TEST(control_characters_have_their_short_forms) {
  CAF_CHECK_EQUAL(escaped("\b\f\n\r\t\"\\/"), R"(\b\f\n\r\t\"\\/)");
  CAF_CHECK_EQUAL(escaped(std::string_view("\0\x01\x1f\x7f", 4)),
                  "\\u0000\\u0001\\u001f\x7f");
}

CAF_TEST(utf8_of_all_lengths_is_unchanged) {
  const std::string text =
      "aé€😀 \u0080\u07ff\u0800\ud7ff\ue000\uffff\u2028"
      "\U00010000\U0010ffff end";
  CAF_CHECK_EQUAL(escaped(text), text);
}

CAF_TEST(each_byte_that_is_no_utf8_becomes_one_replacement) {
  CAF_CHECK_EQUAL(escaped("\x80"), unknowns(1));
  CAF_CHECK_EQUAL(escaped("\xc0\x80"), unknowns(2));          // overlong
  CAF_CHECK_EQUAL(escaped("\xe0\x9f\xbf"), unknowns(3));      // overlong
  CAF_CHECK_EQUAL(escaped("\xf0\x8f\xbf\xbf"), unknowns(4));  // overlong
  CAF_CHECK_EQUAL(escaped("\xed\xa0\x80"), unknowns(3));      // surrogate
  CAF_CHECK_EQUAL(escaped("\xf4\x90\x80\x80"), unknowns(4));  // > U+10FFFF
  CAF_CHECK_EQUAL(escaped("\xff\xfe"), unknowns(2));
}

CAF_TEST(a_cut_sequence_does_not_swallow_what_follows) {
  CAF_CHECK_EQUAL(escaped("\xe2\x82"), unknowns(2));
  CAF_CHECK_EQUAL(escaped("\xe2\x82\""), unknowns(2) + "\\\"");
  CAF_CHECK_EQUAL(escaped("\xf0\x9f\x98x"), unknowns(3) + "x");
  CAF_CHECK_EQUAL(escaped("\xc3\xc3\xa9"), unknown + "é");
}
