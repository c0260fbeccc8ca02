// The table of refusals.
#include "transport/refusal.hpp"

#include <caf/test/unit_test.hpp>

#include <set>
#include <string_view>

using namespace status2::transport;
namespace http = boost::beast::http;

CAF_TEST(each_row_has_a_label_of_its_own_a_status_and_a_text) {
  std::set<std::string_view> labels;
  for (std::size_t i = 0; i < refusal_count; ++i) {
    const auto& row = describe(static_cast<refusal>(i));
    CAF_CHECK(labels.insert(row.label).second);
    CAF_CHECK(row.status >= 400 && row.status < 600);
    CAF_CHECK(!row.text.empty());
    CAF_CHECK_EQUAL(row.field == http::field::unknown, row.value.empty());
  }
}

CAF_TEST(a_limit_asks_the_client_to_come_back) {
  for (std::size_t i = 0; i < refusal_count; ++i) {
    const auto& row = describe(static_cast<refusal>(i));
    const bool limit = row.kind == refusal_kind::limit;
    CAF_CHECK_EQUAL(limit, row.status == 503);
    CAF_CHECK_EQUAL(limit || row.status == 429,
                    row.field == http::field::retry_after);
  }
}

CAF_TEST(the_contract_names_these) {
  CAF_CHECK_EQUAL(describe(refusal::no_channel).status, 400u);
  CAF_CHECK_EQUAL(describe(refusal::method).status, 405u);
  CAF_CHECK_EQUAL(describe(refusal::method).value, "GET");
  CAF_CHECK_EQUAL(describe(refusal::upgrade).status, 426u);
  CAF_CHECK_EQUAL(describe(refusal::upgrade).value, "websocket");
  CAF_CHECK_EQUAL(describe(refusal::websocket_version).status, 426u);
  CAF_CHECK_EQUAL(describe(refusal::websocket_version).value, "13");
  CAF_CHECK_EQUAL(describe(refusal::origin).status, 403u);
  CAF_CHECK_EQUAL(describe(refusal::out_of_memory).status, 503u);
}
