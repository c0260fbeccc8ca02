// Which requests ask for an event stream, and how its answer begins.
#include "transport/event_stream.hpp"

#include <caf/test/unit_test.hpp>

#include <set>
#include <string>

using namespace status2::transport;
namespace http = boost::beast::http;

namespace {

bool accepts(std::string_view list) {
  http_request request{http::verb::get, "/run:channel", 11};
  request.set(http::field::accept, list);
  return accepts_event_stream(request);
}

/// The part behind the last `retry: ` of `text`, up to the end of its line.
std::string retry_of(const std::string& text) {
  constexpr std::string_view field = "retry: ";
  const auto at = text.rfind(field);
  CAF_REQUIRE(at != std::string::npos);
  const auto from = at + field.size();
  return text.substr(from, text.find('\n', from) - from);
}

}  // namespace

CAF_TEST(the_media_type_is_found_in_every_form_of_a_list) {
  for (const auto* list :
       {"text/event-stream", "Text/Event-Stream", " text/event-stream ",
        "text/html, text/event-stream", "text/event-stream;q=0.9, */*",
        "text/event-stream ; charset=utf-8", ",text/event-stream,"})
    CAF_CHECK(accepts(list));
  for (const auto* list : {"", "*/*", "text/*", "text/event-streams", ",", ";",
                           "text/html;a=text/event-stream"})
    CAF_CHECK(!accepts(list));
}

CAF_TEST(the_media_type_may_stand_in_a_second_line) {
  http_request request{http::verb::get, "/run:channel", 11};
  CAF_CHECK(!accepts_event_stream(request));
  request.insert(http::field::accept, "text/html");
  request.insert(http::field::accept, "text/event-stream");
  CAF_CHECK(accepts_event_stream(request));
}

CAF_TEST(clients_come_back_at_different_times) {
  std::set<std::string> times;
  for (int i = 0; i < 100; ++i) {
    const auto head = write_event_stream_head({});
    CAF_CHECK(head.ends_with("\n\n"));
    times.insert(retry_of(head));
  }
  CAF_CHECK(times.size() > 50);
}

CAF_TEST(a_refusal_says_why_in_a_comment) {
  const auto reply = event_stream_refusal(refusal::connections, "http://a.b");
  CAF_CHECK_EQUAL(reply.status, 200u);
  CAF_CHECK_EQUAL(reply.content_type, "text/event-stream");
  CAF_CHECK_EQUAL(reply.body, "retry: " + retry_of(reply.body) +
                                  "\n: too many connections\n\n");
}
