// Where a request may carry a token.
#include "transport/token_request.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::transport;
namespace http = boost::beast::http;

namespace {

struct fixture {
  http_request request{http::verb::get, "/run:log", 11};

  bool carries(token_carrier by, std::string_view text,
               std::string_view query = {}, std::string_view cookie = {}) {
    const auto found = find_token(request, query, cookie);
    return found.by == by && found.text == text;
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(token_request_tests, fixture)

CAF_TEST(a_request_may_carry_none) {
  CAF_CHECK(carries(token_carrier::none, ""));
  request.set(http::field::authorization, "Basic eHg=");
  request.set(http::field::sec_websocket_protocol, "status2.v1, x");
  request.set(http::field::cookie, "other=1; name");
  CAF_CHECK(carries(token_carrier::none, "", "tail=1&ticket", "name"));
}

CAF_TEST(a_header_carries_it) {
  for (const auto* value : {"Bearer a.b.c", "bearer   a.b.c "}) {
    request.set(http::field::authorization, value);
    CAF_CHECK(carries(token_carrier::header, "a.b.c"));
  }
  for (const auto* value : {"Bearer", "Bearer ", "Bearera.b.c"}) {
    request.set(http::field::authorization, value);
    CAF_CHECK(carries(token_carrier::none, ""));
  }
}

CAF_TEST(a_subprotocol_carries_it) {
  request.set(http::field::sec_websocket_protocol,
              "status2.v1, status2.bearer.a.b-c._d");
  CAF_CHECK(carries(token_carrier::subprotocol, "a.b-c._d"));
  request.set(http::field::sec_websocket_protocol, "status2.v1");
  request.insert(http::field::sec_websocket_protocol, "status2.bearer.x.y.z");
  CAF_CHECK(carries(token_carrier::subprotocol, "x.y.z"));
}

CAF_TEST(the_address_carries_a_ticket) {
  CAF_CHECK(carries(token_carrier::ticket, "t", "tail=1&ticket=t&gap=1"));
  CAF_CHECK(carries(token_carrier::none, "", "xticket=t"));
}

CAF_TEST(a_cookie_carries_it_if_it_is_named) {
  request.set(http::field::cookie, "a=1; name=x.y.z; name2=2");
  CAF_CHECK(carries(token_carrier::cookie, "x.y.z", "", "name"));
  CAF_CHECK(carries(token_carrier::none, "", "", "nam"));
  CAF_CHECK(carries(token_carrier::none, ""));
  request.set(http::field::cookie, "a=1");
  request.insert(http::field::cookie, "name=x");
  CAF_CHECK(carries(token_carrier::cookie, "x", "", "name"));
}

CAF_TEST(the_most_explicit_carrier_counts) {
  request.set(http::field::cookie, "name=cookie");
  CAF_CHECK(carries(token_carrier::ticket, "t", "ticket=t", "name"));
  request.set(http::field::sec_websocket_protocol, "status2.bearer.p");
  CAF_CHECK(carries(token_carrier::subprotocol, "p", "ticket=t", "name"));
  request.set(http::field::authorization, "Bearer h");
  CAF_CHECK(carries(token_carrier::header, "h", "ticket=t", "name"));
}

CAF_TEST_FIXTURE_SCOPE_END()
