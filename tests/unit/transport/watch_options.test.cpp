// What clients ask for in the query of their address.
#include "transport/watch_options.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::transport;

namespace {

std::string text(std::string_view query) {
  const auto options = parse_watch_options(query);
  std::string out = options.gaps ? "gaps" : "";
  if (!options.replay) return out;
  out += " since=" + options.replay->since.value_or("-");
  out += " most=";
  out += options.replay->most ? std::to_string(*options.replay->most) : "-";
  return out;
}

}  // namespace

CAF_TEST(a_client_that_asks_for_nothing_gets_plain_messages) {
  for (const auto* query : {"", "&", "x=1", "gap=0", "gap", "gap=2", "tail",
                            "since", "Tail=5", "xtail=5"}) {
    CAF_CHECK_EQUAL(text(query), "");
    CAF_CHECK(parse_watch_options(query).kind() == encoding::plain);
  }
}

CAF_TEST(gaps_are_asked_for) {
  CAF_CHECK_EQUAL(text("gap=1"), "gaps");
  CAF_CHECK_EQUAL(text("a=b&gap=1&c"), "gaps");
  CAF_CHECK(parse_watch_options("gap=1").kind() == encoding::plain);
}

CAF_TEST(an_event_stream_is_asked_for) {
  CAF_CHECK(parse_watch_options("stream=sse").kind() == encoding::event_stream);
  CAF_CHECK(parse_watch_options("tail=1&stream=sse").kind() ==
            encoding::event_stream);
  CAF_CHECK(parse_watch_options("stream=ws").kind() == encoding::plain);
}

CAF_TEST(a_tail_is_so_many_messages) {
  CAF_CHECK_EQUAL(text("tail=12"), " since=- most=12");
  CAF_CHECK_EQUAL(text("tail=0"), " since=- most=0");
  CAF_CHECK(parse_watch_options("tail=12").kind() == encoding::numbered);
}

CAF_TEST(a_tail_that_is_no_number_is_all_that_is_kept) {
  for (const auto* query : {"tail=", "tail=all", "tail=-1", "tail=1.5",
                            "tail=99999999999999999999999"})
    CAF_CHECK_EQUAL(text(query), " since=- most=-");
}

CAF_TEST(since_is_any_text) {
  CAF_CHECK_EQUAL(text("since=abc-1.7"), " since=abc-1.7 most=-");
  CAF_CHECK_EQUAL(text("since=abc%2D1.7"), " since=abc-1.7 most=-");
  CAF_CHECK_EQUAL(text("since=%zz"), " since=%zz most=-");
  CAF_CHECK_EQUAL(text("since="), " since= most=-");
  CAF_CHECK_EQUAL(text("since=a&tail=5"), " since=a most=5");
  CAF_CHECK_EQUAL(text("tail=5&gap=1&since=a"), "gaps since=a most=5");
}

CAF_TEST(of_one_name_the_last_value_counts) {
  CAF_CHECK_EQUAL(text("gap=1&gap=0"), "");
  CAF_CHECK_EQUAL(text("tail=1&tail=2&since=a&since=b"), " since=b most=2");
}
