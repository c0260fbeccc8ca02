// Which pages may connect, and which hosts are served.
#include "transport/origin.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::transport;

namespace {

bool allowed(std::string_view origin, const std::vector<std::string>& patterns,
             std::string_view host = "status.example:9002") {
  return origin_rules(patterns).allow(origin, host);
}

/// A page of `origin` at a broker that it reaches as `host`.
bool own(std::string_view origin, std::string_view host) {
  return allowed(origin, {"other.example"}, host);
}

bool good(std::string_view pattern) {
  return origin_pattern::parse(pattern).has_value();
}

}  // namespace

CAF_TEST(without_patterns_every_page_may_connect) {
  CAF_CHECK(allowed("https://evil.example", {}));
  CAF_CHECK(allowed("null", {}));
  CAF_CHECK(allowed("no origin at all", {}));
}

CAF_TEST(a_pattern_matches_the_default_port_unless_it_names_one) {
  CAF_CHECK(allowed("https://A.Example", {"a.example"}));
  CAF_CHECK(allowed("https://a.example", {"A.EXAMPLE"}));
  CAF_CHECK(!allowed("https://a.example:8443", {"a.example"}));
  CAF_CHECK(allowed("https://a.example:8443", {"a.example:*"}));
  CAF_CHECK(allowed("https://a.example:8443", {"a.example:8443"}));
  CAF_CHECK(allowed("https://a.example:443", {"a.example"}));
  CAF_CHECK(allowed("https://a.example", {"a.example:443"}));
  CAF_CHECK(!allowed("http://a.example", {"a.example:443"}));
  CAF_CHECK(allowed("http://a.example:80", {"http://a.example"}));
}

CAF_TEST(a_star_is_any_part_of_a_host) {
  CAF_CHECK(allowed("https://x.y.example", {"b", "*.example"}));
  CAF_CHECK(!allowed("https://example", {"*.example"}));
  CAF_CHECK(!allowed("https://a.example.evil", {"*.example"}));
  CAF_CHECK(!allowed("https://a.example:81", {"*.example"}));
  CAF_CHECK(allowed("https://anything", {"*"}));
  CAF_CHECK(allowed("https://anything:81", {"*"}));
  CAF_CHECK(allowed("https://a.test:81", {"a.*"}));
}

CAF_TEST(patterns_may_name_the_scheme) {
  CAF_CHECK(allowed("https://a.example", {"https://a.example"}));
  CAF_CHECK(!allowed("http://a.example", {"https://a.example"}));
  CAF_CHECK(allowed("http://b.a.example", {"*://*.a.example"}));
  CAF_CHECK(
      allowed("chrome-extension://abcdef", {"chrome-extension://abcdef"}));
}

CAF_TEST(a_dot_at_the_end_and_brackets_do_not_count) {
  CAF_CHECK(allowed("https://a.example.", {"a.example"}));
  CAF_CHECK(allowed("https://a.example", {"a.example."}));
  CAF_CHECK(allowed("http://[::1]:8080", {"[::1]:8080"}));
  CAF_CHECK(allowed("http://[::1]", {"[::1]"}));
  CAF_CHECK(!allowed("http://[::1]:8080", {"[::1]"}));
}

CAF_TEST(no_origin_is_no_browser) {
  CAF_CHECK(allowed("", {"other"}));
}

CAF_TEST(null_is_allowed_by_its_name_only) {
  CAF_CHECK(!allowed("null", {"other", "*"}));
  CAF_CHECK(allowed("null", {"other", "null"}));
  CAF_CHECK(!allowed("https://null.example", {"null"}));
}

CAF_TEST(the_page_of_the_own_host_may_connect) {
  CAF_CHECK(own("http://STATUS.example:9002", "status.example:9002"));
  CAF_CHECK(!own("http://status.example", "status.example:9002"));
  CAF_CHECK(own("https://example.com", "example.com:443"));
  CAF_CHECK(own("https://example.com:443", "example.com"));
  CAF_CHECK(own("http://example.com", "example.com:80"));
  CAF_CHECK(!own("http://example.com", "example.com:443"));
  CAF_CHECK(own("https://example.com.", "example.com"));
  CAF_CHECK(own("http://[2001:DB8::1]:9002", "[2001:db8::1]:9002"));
  CAF_CHECK(!own("https://example.com", ""));
  CAF_CHECK(!own("https://example.com", "user@example.com"));
}

CAF_TEST(a_text_that_is_no_origin_is_not_allowed) {
  for (const auto* origin :
       {"https://a.example/", "https://a.example/path", "https://a.example?q",
        "https://user@a.example", "a.example", "https://", "https:a.example",
        "https://a.example https://b.example", "https://a.example\\b"})
    CAF_CHECK(!allowed(origin, {"*", "a.example"}));
}

CAF_TEST(an_origin_has_at_most_512_bytes) {
  const auto longest = "https://" + std::string(504, 'a');
  CAF_CHECK(allowed(longest, {"*"}));
  CAF_CHECK(!allowed(longest + "a", {"*"}));
  CAF_CHECK(!allowed(longest + "a", {}));
}

CAF_TEST(patterns_that_can_never_match_are_none) {
  for (const auto* pattern :
       {"a.example", "https://a.example", "*", "*.a.example:*", "[::1]:80",
        "localhost:3000", "null", "http*://a_b.example",
        "xn--bcher-kva.example"})
    CAF_CHECK(good(pattern));
  for (const auto* pattern :
       {"", "https://a.example/", "a.example/path", "\"a.example\"",
        "'a.example'", "a.example b.example", "a.example;b.example",
        "[\"a.example\"]", "{}", "https://", "a.example:", "a.example:http",
        "a.example:123456", "\xc3\xbc.example", "://a.example", ".a.example",
        "user@a.example", "a.example?x", "[::1"})
    CAF_CHECK(!good(pattern));
}

CAF_TEST(hosts_are_served_by_name) {
  CAF_CHECK(host_rules().serve("anything"));
  CAF_CHECK(host_rules().serve(""));
  const host_rules rules({"status.example", "*.Inner.example.", "[::1]"});
  for (const auto* host : {"status.example", "STATUS.example:9002",
                           "status.example.", "a.inner.example", "[::1]:9002"})
    CAF_CHECK(rules.serve(host));
  for (const auto* host : {"evil.test:9002", "", "inner.example", "127.0.0.1",
                           "status.example@evil.test", "status.example/x",
                           "status.example.evil.test"})
    CAF_CHECK(!rules.serve(host));
}

CAF_TEST(host_patterns_have_no_port_and_no_scheme) {
  for (const auto* pattern : {"a.example", "*.a.example", "[::1]", "10.0.0.1"})
    CAF_CHECK(valid_host_pattern(pattern));
  for (const auto* pattern : {"", "a.example:80", "https://a.example", "a/b"})
    CAF_CHECK(!valid_host_pattern(pattern));
}
