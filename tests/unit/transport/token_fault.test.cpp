// The table of what is wrong with tokens.
#include "transport/token_fault.hpp"

#include <caf/test/unit_test.hpp>

#include <set>
#include <string_view>

using namespace status2::transport;

CAF_TEST(each_row_has_a_label_of_its_own_a_text_and_an_answer) {
  std::set<std::string_view> labels;
  for (std::size_t i = 0; i < token_fault_count; ++i) {
    const auto why = static_cast<token_fault>(i);
    const auto& row = describe(why);
    CAF_CHECK(labels.insert(row.label).second);
    CAF_CHECK(!row.text.empty());
    CAF_CHECK_EQUAL(describe(row.answer).status,
                    why == token_fault::channel ? 403u : 401u);
  }
}

CAF_TEST(a_401_says_what_kind_of_token_is_needed) {
  for (const auto why : {refusal::token_missing, refusal::token})
    CAF_CHECK_EQUAL(describe(why).value, "Bearer");
}
