// Which characters a text is made of.
#include "transport/characters.hpp"

#include <caf/test/unit_test.hpp>

using status2::transport::made_of;

CAF_TEST(letters_digits_and_what_is_named_are_allowed) {
  CAF_CHECK(made_of("azAZ09", ""));
  CAF_CHECK(made_of("a-b_c", "-_"));
  CAF_CHECK(made_of("", ""));
  for (const auto* text :
       {"a b", "a-", "@", "[", "`", "{", "/", ":", "\xc3\xbc"})
    CAF_CHECK(!made_of(text, "_"));
  CAF_CHECK(!made_of({"a\0", 2}, "_"));
}
