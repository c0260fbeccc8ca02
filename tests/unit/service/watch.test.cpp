#include "service/watch.hpp"

#include <caf/test/unit_test.hpp>

using status2::service::parse_watch_url;
using status2::service::watch_path;

CAF_TEST(tls is a scheme with a port of its own) {
  for (const std::string scheme : {"wss", "https"}) {
    const auto target = parse_watch_url(scheme + "://example/run:log");
    CAF_REQUIRE(target);
    CAF_CHECK(target->tls);
    CAF_CHECK(target->where.port == 443);
    CAF_CHECK(parse_watch_url(scheme + "://example:9002/a:b")->where.port ==
              9002);
  }
  CAF_CHECK(!parse_watch_url("ws://example/run:log")->tls);
}

CAF_TEST(host and port and path are taken from the address) {
  const auto target = parse_watch_url("ws://example:9002/a/run:log?x=1");
  CAF_REQUIRE(target.has_value());
  CAF_CHECK_EQUAL(target->where.host, "example");
  CAF_CHECK_EQUAL(target->where.port, 9002);
  CAF_CHECK_EQUAL(target->path, "/a/run:log?x=1");
}

CAF_TEST(the port is 80 where none is given and the path is at least a slash) {
  const auto target = parse_watch_url("ws://example");
  CAF_REQUIRE(target.has_value());
  CAF_CHECK_EQUAL(target->where.port, 80);
  CAF_CHECK_EQUAL(target->path, "/");
}

CAF_TEST(an address of version 6 loses its brackets) {
  const auto target = parse_watch_url("ws://[::1]:9002/run%3Alog");
  CAF_REQUIRE(target.has_value());
  CAF_CHECK_EQUAL(target->where.host, "::1");
  CAF_CHECK_EQUAL(target->path, "/run%3Alog");
}

CAF_TEST(a unix socket is named as other clients name it) {
  const auto target =
      parse_watch_url("ws+unix:///run/status2.sock:/a/run:log?x=1");
  CAF_REQUIRE(target.has_value());
  CAF_CHECK_EQUAL(target->where.unix_path, "/run/status2.sock");
  CAF_CHECK_EQUAL(target->path, "/a/run:log?x=1");
}

CAF_TEST(what is no websocket address is refused) {
  for (const char* text :
       {"", "ws+unix:///run/status2.sock", "ws+unix://run/a:/b:c",
        "example:9002/run:log", "ftp://example/run:log", "ws:///run:log",
        "ws://example:0/a:b", "ws://example:65536/a:b",
        "ws://exa mple/run:log"}) {
    CAF_MESSAGE(text);
    CAF_CHECK(!parse_watch_url(text));
  }
}

CAF_TEST(an address of http is that of the same channel) {
  const auto target = parse_watch_url("http://example/run:log");
  CAF_REQUIRE(target.has_value());
  CAF_CHECK_EQUAL(target->where.port, 80);
}

CAF_TEST(a watch asks for what its address does) {
  for (const auto* path : {"/run:log", "/run:log?gap=1", "/run:log?tail=7"})
    CAF_CHECK_EQUAL(watch_path(path, {}, ""), path);
}

CAF_TEST(a watch goes on behind the newest message) {
  CAF_CHECK_EQUAL(watch_path("/run:log", {}, "a-1.2"), "/run:log?since=a-1.2");
  CAF_CHECK_EQUAL(watch_path("/run:log?tail=7&since=a", {}, "b"),
                  "/run:log?since=b");
}

CAF_TEST(a watch asks for a replay) {
  CAF_CHECK_EQUAL(watch_path("/run:log", {.tail = 9}, ""), "/run:log?tail=9");
  CAF_CHECK_EQUAL(watch_path("/run:log", {.since = "a&b"}, ""),
                  "/run:log?since=a%26b");
  // The newest message that came goes before all that was asked for.
  CAF_CHECK_EQUAL(watch_path("/run:log", {.tail = 9, .since = "a"}, "b"),
                  "/run:log?since=b");
}
