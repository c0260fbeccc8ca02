// Runs that need no escaping: found 16 bytes at a time where the machine can,
// and the same wherever they begin and end.
#include "transport/clean_run.hpp"

#include "tests/support/json_reference.hpp"
#include "transport/json.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <random>

using namespace status2;
using namespace status2::transport;

namespace {

constexpr std::size_t longest = 200;

/// Pieces of payloads: whole characters, and what makes them none.
const std::array<std::string_view, 24> pieces{
    "a",
    "plain text ",
    "sixteen bytes ok",
    "é",
    "Привет",
    "€",
    "進捗",
    "😀",
    "\u0080\u07ff",
    "\u0800\ud7ff\ue000\uffff",
    "\U00010000\U0010ffff",
    "\"",
    "\\",
    "\n",
    std::string_view("\0", 1),
    "\x7f",
    "\x80",
    "\xc3",
    "\xe2\x82",
    "\xf0\x9f\x98",
    "\xc0\xaf",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xff",
};

/// Made of the first `kinds` pieces; cut at `length`, through a character too.
std::string made_up(std::mt19937& random, std::size_t length,
                    std::size_t kinds) {
  std::string text;
  while (text.size() < length)
    text += pieces[random() % kinds];
  text.resize(length);
  return text;
}

std::size_t plain_run_end(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto length = test::plainly_utf8(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == '"' || byte == '\\') break;
    at += length;
  }
  return at;
}

/// Calls `check` with texts of every length at every alignment; the fewer the
/// kinds of pieces, the longer the runs.
template <class Check>
void for_texts(Check check) {
  std::mt19937 random(20);
  alignas(64) std::array<char, longest + 64> memory;
  for (std::size_t length = 0; length <= longest; ++length)
    for (std::size_t offset = 0; offset < 16; ++offset)
      for (const std::size_t kinds : {3, 11, 12, 24}) {
        const auto text = made_up(random, length, kinds);
        text.copy(memory.data() + offset, length);
        check(std::string_view(memory.data() + offset, length));
      }
}

}  // namespace

CAF_TEST(
    texts_of_all_lengths_and_alignments_are_escaped_as_the_plain_way_does) {
  std::size_t texts = 0;
  for_texts([&texts](std::string_view text) {
    std::string out;
    append_json_string(out, text);
    CAF_REQUIRE_EQUAL(out, test::plainly_escaped(text));
    ++texts;
  });
  CAF_CHECK_EQUAL(texts, (longest + 1) * 16 * 4);
}

CAF_TEST(both_ways_to_find_a_run_find_the_same) {
  for_texts([](std::string_view text) {
    const auto end = plain_run_end(text);
    CAF_REQUIRE_EQUAL(clean_run_end(text, 0), end);
    CAF_REQUIRE_EQUAL(clean_run_end_by_words(text, 0), end);
  });
}

CAF_TEST(each_pair_of_bytes_is_judged_alike_at_every_place_of_a_block) {
  for (unsigned pair = 0; pair < 0x10000; ++pair) {
    for (const std::size_t before : {0, 13, 14, 15, 16, 30, 31}) {
      std::string text = "é" + std::string(before, 'a');
      text += static_cast<char>(pair >> 8);
      text += static_cast<char>(pair & 0xff);
      text += "\x80\x80" + std::string(18, 'z');
      if (clean_run_end(text, 0) != plain_run_end(text))
        CAF_FAIL("differs for " << pair << " behind " << before);
    }
  }
}

CAF_TEST(a_run_ends_at_each_byte_that_needs_escaping_wherever_it_is) {
  for (const std::string_view around : {".", "é", "€", "😀"}) {
    for (std::size_t count = 0; count < 40; ++count) {
      std::string text;
      for (std::size_t piece = 0; piece < count; ++piece)
        text += around;
      for (const char stop : {'"', '\\', '\0', '\x1f', '\xff', '\x80'}) {
        CAF_CHECK_EQUAL(clean_run_end(text + stop + std::string(40, 'z'), 0),
                        text.size());
      }
    }
  }
}
