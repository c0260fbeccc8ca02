// Which offers of compression are accepted, and how.
#include "transport/deflate_offer.hpp"

#include <caf/test/unit_test.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

using namespace status2::transport;
namespace http = boost::beast::http;

namespace {

constexpr std::string_view accepted =
    "permessage-deflate; server_no_context_takeover; "
    "client_no_context_takeover";

std::string answer(std::initializer_list<std::string> lines) {
  http_request request{http::verb::get, "/run:channel", 11};
  for (const auto& line : lines)
    request.insert(http::field::sec_websocket_extensions, line);
  return accept_deflate(request);
}

std::string answer_to(const std::string& parameters) {
  return answer({"permessage-deflate" + parameters});
}

}  // namespace

CAF_TEST(no_offer_has_no_answer) {
  CAF_CHECK_EQUAL(answer({}), "");
  CAF_CHECK_EQUAL(answer({""}), "");
  CAF_CHECK_EQUAL(answer({"x-webkit-deflate-frame"}), "");
}

CAF_TEST(offers_that_ask_for_what_is_there_are_accepted) {
  for (const auto* parameters :
       {"", "; client_max_window_bits", "; client_max_window_bits=8",
        "; client_max_window_bits=15", "; client_max_window_bits=\"10\"",
        "; server_no_context_takeover", "; client_no_context_takeover",
        "; server_no_context_takeover; client_no_context_takeover; "
        "client_max_window_bits",
        ";client_max_window_bits;server_no_context_takeover",
        "; Client_Max_Window_Bits=9"})
    CAF_CHECK_EQUAL(answer_to(parameters), accepted);
  CAF_CHECK_EQUAL(answer({"Permessage-Deflate"}), accepted);
}

CAF_TEST(a_window_that_the_offer_names_is_named_in_the_answer) {
  const auto named = std::string(accepted) + "; server_max_window_bits=15";
  CAF_CHECK_EQUAL(answer_to("; server_max_window_bits=15"), named);
  CAF_CHECK_EQUAL(answer_to("; server_max_window_bits=\"15\"; "
                            "client_max_window_bits"),
                  named);
}

CAF_TEST(other_offers_are_declined) {
  for (const auto* parameters :
       {"; server_max_window_bits=14",
        "; server_max_window_bits=8",
        "; server_max_window_bits=16",
        "; server_max_window_bits=7",
        "; server_max_window_bits=015",
        "; server_max_window_bits=x",
        "; server_max_window_bits",
        "; client_max_window_bits=7",
        "; client_max_window_bits=16",
        "; client_max_window_bits=08",
        "; client_max_window_bits=-8",
        "; client_max_window_bits=99999999999",
        "; server_no_context_takeover=1",
        "; client_no_context_takeover=yes",
        "; unknown",
        "; unknown=1",
        "; mode=fast",
        "; client_max_window_bits; client_max_window_bits",
        "; server_no_context_takeover; server_no_context_takeover",
        "; client_no_context_takeover; client_no_context_takeover",
        "; server_max_window_bits=15; server_max_window_bits=15"})
    CAF_CHECK_EQUAL(answer_to(parameters), "");
}

CAF_TEST(the_next_offer_counts_after_one_that_is_declined) {
  CAF_CHECK_EQUAL(answer({"permessage-deflate; server_max_window_bits=10, "
                          "permessage-deflate"}),
                  accepted);
  CAF_CHECK_EQUAL(answer({"foo; x=1, permessage-deflate; "
                          "server_max_window_bits=15, permessage-deflate"}),
                  std::string(accepted) + "; server_max_window_bits=15");
  CAF_CHECK_EQUAL(answer({"permessage-deflate; unknown", "bar",
                          "permessage-deflate; client_max_window_bits"}),
                  accepted);
}

CAF_TEST(an_offer_without_parameters_has_none_of_the_offer_before) {
  CAF_CHECK_EQUAL(answer({"permessage-deflate; unknown, permessage-deflate"}),
                  accepted);
  CAF_CHECK_EQUAL(answer({"foo; unknown, permessage-deflate"}), accepted);
  CAF_CHECK_EQUAL(answer({"permessage-deflate; client_no_context_takeover, "
                          "permessage-deflate"}),
                  accepted);
  CAF_CHECK_EQUAL(answer({"permessage-deflate; unknown, x"}), "");
}

CAF_TEST(an_offer_that_breaks_the_grammar_is_declined) {
  for (const auto* parameters :
       {"; =", ";", "; ;", " x",
        "; client_max_window_bits=", "; server_max_window_bits=\"15",
        "; server_max_window_bits=\"15\\", "; client_no_context_takeover x"}) {
    CAF_CHECK_EQUAL(answer_to(parameters), "");
    CAF_CHECK_EQUAL(answer({std::string("permessage-deflate") + parameters,
                            "permessage-deflate"}),
                    accepted);
  }
  CAF_CHECK_EQUAL(answer({",, permessage-deflate ,"}), accepted);
  // A comma in quotes ends no offer.
  CAF_CHECK_EQUAL(answer({"a; b=\"\\\", permessage-deflate\""}), "");
  CAF_CHECK_EQUAL(answer({"a; b=\"\\\"\", permessage-deflate"}), accepted);
}
