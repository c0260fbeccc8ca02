// Which requests are upgraded, and what the others are answered.
#include "transport/handshake.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::transport;
namespace http = boost::beast::http;

namespace {

http_request upgrade_of(std::string_view target = "/run:channel") {
  http_request request{http::verb::get, target, 11};
  request.set(http::field::host, "status.example");
  request.set(http::field::connection, "keep-alive, Upgrade");
  request.set(http::field::upgrade, "WebSocket");
  request.set(http::field::sec_websocket_version, "13");
  request.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  return request;
}

struct fixture {
  std::vector<std::string> origins;
  std::string prefix;

  /// Status of the refusal, 101 if there is none.
  unsigned status(const http_request& request) const {
    const auto decision = decide(request, {prefix, origins});
    return decision.refusal ? decision.refusal->status : 101;
  }
  http_refusal refusal(const http_request& request) const {
    const auto decision = decide(request, {prefix, origins});
    CAF_REQUIRE(decision.refusal);
    return *decision.refusal;
  }
  unsigned without(http::field field) const {
    auto request = upgrade_of();
    request.erase(field);
    return status(request);
  }
  unsigned with(http::field field, std::string_view value) const {
    auto request = upgrade_of();
    request.set(field, value);
    return status(request);
  }
};

bool allowed(std::string_view origin, std::vector<std::string> patterns) {
  return origin_allowed(origin, "status.example:9002", patterns);
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(handshake_tests, fixture)

CAF_TEST(a_good_request_names_its_channel_and_query) {
  const auto request = upgrade_of("/run:channel?since=1");
  const auto decision = decide(request, {prefix, origins});
  CAF_CHECK(!decision.refusal);
  CAF_CHECK_EQUAL(decision.channel.full, "run:channel");
  CAF_CHECK(decision.query == "since=1");
}

CAF_TEST(a_path_that_names_no_channel_is_400_with_a_reason) {
  const auto refused = refusal(upgrade_of("/nothing"));
  CAF_CHECK_EQUAL(refused.status, 400u);
  CAF_CHECK(refused.reason == "the path is not <run>:<channel>");
  prefix = "/status";
  CAF_CHECK_EQUAL(status(upgrade_of("/run:channel")), 400u);
  CAF_CHECK_EQUAL(status(upgrade_of("/status/run:channel")), 101u);
}

CAF_TEST(another_method_than_get_is_405) {
  for (const auto method : {http::verb::post, http::verb::head, http::verb::put,
                            http::verb::options}) {
    auto request = upgrade_of();
    request.method(method);
    const auto refused = refusal(request);
    CAF_CHECK_EQUAL(refused.status, 405u);
    CAF_CHECK(refused.field == http::field::allow);
    CAF_CHECK(refused.value == "GET");
  }
}

CAF_TEST(no_upgrade_headers_are_426) {
  CAF_CHECK_EQUAL(without(http::field::connection), 426u);
  CAF_CHECK_EQUAL(without(http::field::upgrade), 426u);
  CAF_CHECK_EQUAL(with(http::field::connection, "keep-alive"), 426u);
  CAF_CHECK_EQUAL(with(http::field::upgrade, "h2c"), 426u);
  auto old = upgrade_of();
  old.version(10);
  CAF_CHECK_EQUAL(status(old), 426u);
  old.erase(http::field::upgrade);
  CAF_CHECK(refusal(old).field == http::field::upgrade);
}

CAF_TEST(upgrade_headers_may_be_spread_over_lines) {
  auto request = upgrade_of();
  request.erase(http::field::connection);
  request.insert(http::field::connection, "keep-alive");
  request.insert(http::field::connection, "upgrade");
  CAF_CHECK_EQUAL(status(request), 101u);
}

CAF_TEST(another_version_than_13_is_426_and_told) {
  for (const auto* version : {"8", "", "14", "13, 8"}) {
    auto request = upgrade_of();
    request.set(http::field::sec_websocket_version, version);
    const auto refused = refusal(request);
    CAF_CHECK_EQUAL(refused.status, 426u);
    CAF_CHECK(refused.field == http::field::sec_websocket_version);
    CAF_CHECK(refused.value == "13");
  }
  CAF_CHECK_EQUAL(without(http::field::sec_websocket_version), 426u);
}

CAF_TEST(a_key_that_is_not_16_bytes_in_base64_is_400) {
  CAF_CHECK_EQUAL(without(http::field::sec_websocket_key), 400u);
  for (const auto* key :
       {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQAA"})
    CAF_CHECK_EQUAL(with(http::field::sec_websocket_key, key), 400u);
}

CAF_TEST(a_request_without_host_or_with_a_body_is_400) {
  CAF_CHECK_EQUAL(without(http::field::host), 400u);
  CAF_CHECK_EQUAL(with(http::field::content_length, "5"), 400u);
  CAF_CHECK_EQUAL(with(http::field::transfer_encoding, "chunked"), 400u);
  CAF_CHECK_EQUAL(with(http::field::content_length, "0"), 101u);
}

CAF_TEST(an_origin_off_the_list_is_403) {
  CAF_CHECK_EQUAL(with(http::field::origin, "https://evil.example"), 101u);
  origins = {"good.example"};
  CAF_CHECK_EQUAL(with(http::field::origin, "https://evil.example"), 403u);
  CAF_CHECK_EQUAL(with(http::field::origin, "https://good.example"), 101u);
  CAF_CHECK_EQUAL(with(http::field::origin, "https://status.example"), 101u);
  CAF_CHECK_EQUAL(status(upgrade_of()), 101u);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(origin_patterns_match_the_host_with_its_port) {
  CAF_CHECK(allowed("https://A.Example", {"a.example"}));
  CAF_CHECK(allowed("https://a.example", {"A.EXAMPLE"}));
  CAF_CHECK(!allowed("https://a.example:8443", {"a.example"}));
  CAF_CHECK(allowed("https://a.example:8443", {"a.example:*"}));
  CAF_CHECK(allowed("https://x.y.example", {"b", "*.example"}));
  CAF_CHECK(!allowed("https://example", {"*.example"}));
  CAF_CHECK(!allowed("https://a.example.evil", {"*.example"}));
  CAF_CHECK(!allowed("https://a.example/", {"b.example"}));
  CAF_CHECK(allowed("https://anything", {"*"}));
}

CAF_TEST(origin_patterns_may_name_the_scheme) {
  CAF_CHECK(allowed("https://a.example", {"https://a.example"}));
  CAF_CHECK(!allowed("http://a.example", {"https://a.example"}));
  CAF_CHECK(allowed("http://b.a.example", {"*://*.a.example"}));
}

CAF_TEST(the_own_host_and_no_origin_are_always_allowed) {
  CAF_CHECK(allowed("http://STATUS.example:9002", {"other"}));
  CAF_CHECK(!allowed("http://status.example", {"other"}));
  CAF_CHECK(allowed("", {"other"}));
  CAF_CHECK(!allowed("null", {"other"}));
}

CAF_TEST(admin_paths_are_known_with_and_without_the_prefix) {
  CAF_CHECK(admin_path("/health", "") == "/health");
  CAF_CHECK(admin_path("/ready", "/p") == "/ready");
  CAF_CHECK(admin_path("/p/metrics", "/p") == "/metrics");
  CAF_CHECK(admin_path("/p/metrics", "").empty());
  CAF_CHECK(admin_path("/healthy", "").empty());
  CAF_CHECK(admin_path("/run:channel", "").empty());
}
