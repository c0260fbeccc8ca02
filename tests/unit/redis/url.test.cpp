#include "redis/url.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::redis;

CAF_TEST(a_host_alone_has_defaults) {
  auto url = parse_url("redis://localhost");
  CAF_REQUIRE(url);
  CAF_CHECK_EQUAL(url->host, "localhost");
  CAF_CHECK_EQUAL(url->port, 6379);
  CAF_CHECK_EQUAL(url->database, 0u);
  CAF_CHECK(!url->tls);
  CAF_CHECK(url->user.empty() && url->password.empty());
}

CAF_TEST(every_part_is_read) {
  auto url = parse_url("rediss://broker:s%40cret@redis.example:7000/12");
  CAF_REQUIRE(url);
  CAF_CHECK(url->tls);
  CAF_CHECK_EQUAL(url->user, "broker");
  CAF_CHECK_EQUAL(url->password, "s@cret");
  CAF_CHECK_EQUAL(url->host, "redis.example");
  CAF_CHECK_EQUAL(url->port, 7000);
  CAF_CHECK_EQUAL(url->database, 12u);
}

CAF_TEST(a_password_may_come_without_a_user) {
  auto url = parse_url("redis://:secret@localhost/2");
  CAF_REQUIRE(url);
  CAF_CHECK_EQUAL(url->user, "");
  CAF_CHECK_EQUAL(url->password, "secret");
}

CAF_TEST(an_ipv6_host_stands_in_brackets) {
  auto url = parse_url("redis://[::1]:6380/2");
  CAF_REQUIRE(url);
  CAF_CHECK_EQUAL(url->host, "::1");
  CAF_CHECK_EQUAL(redacted(*url), "redis://[::1]:6380/2");
}

CAF_TEST(a_unix_socket_has_a_path_and_a_database) {
  auto url = parse_url("unix:///run/redis.sock?db=2");
  CAF_REQUIRE(url);
  CAF_CHECK_EQUAL(url->unix_path, "/run/redis.sock");
  CAF_CHECK_EQUAL(url->database, 2u);
  CAF_CHECK_EQUAL(redacted(*url), "unix:///run/redis.sock?db=2");
}

CAF_TEST(a_redacted_url_holds_no_secret) {
  auto url = parse_url("redis://user:secret@localhost:6379/2");
  CAF_REQUIRE(url);
  CAF_CHECK_EQUAL(redacted(*url), "redis://localhost:6379/2");
}

CAF_TEST(what_is_no_redis_url_is_refused) {
  for (auto text : {"", "localhost", "localhost:6379", "http://localhost",
                    "redis://", "redis:///2", "redis://h/two", "redis://h/2/3",
                    "redis://h:0/1", "redis://h:70000", "redis://h/-1",
                    "redis://h?db=2", "unix://", "unix://host/path",
                    "unix:///p?db=x", "unix:///p?other=1", "redis://h/2#x"})
    CAF_CHECK(!parse_url(text));
}
