// Which characters a text is made of.
#include "transport/characters.hpp"

#include <caf/test/unit_test.hpp>

using status2::transport::made_of;
using status2::transport::trimmed;

CAF_TEST(letters_digits_and_what_is_named_are_allowed) {
  CAF_CHECK(made_of("azAZ09", ""));
  CAF_CHECK(made_of("a-b_c", "-_"));
  CAF_CHECK(made_of("", ""));
  for (const auto* text :
       {"a b", "a-", "@", "[", "`", "{", "/", ":", "\xc3\xbc"})
    CAF_CHECK(!made_of(text, "_"));
  CAF_CHECK(!made_of({"a\0", 2}, "_"));
}

CAF_TEST(blanks_and_tabs_at_the_ends_are_no_part_of_a_text) {
  for (const auto* text : {"a b", " a b", "a b\t", " \t a b \t "})
    CAF_CHECK_EQUAL(trimmed(text), "a b");
  for (const auto* text : {"", " ", "\t \t"})
    CAF_CHECK_EQUAL(trimmed(text), "");
}
