// Which requests become WebSockets, and how the others are answered.
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <string>

using namespace status2::support;

namespace {

http_response handshake(broker_process& broker, std::string_view path,
                        const std::string& headers = {}) {
  return request(broker.port(), "GET", path,
                 std::string(upgrade_headers) + headers);
}

/// Which Redis channel a path stands for: it must receive this name's message.
void check_channel(stage& s, std::string_view path, const std::string& name) {
  auto viewer = s.view(path);
  CAF_REQUIRE(viewer.live());
  s.redis.publish(name, "for you");
  CAF_CHECK_EQUAL(viewer.next_message(), status_text("for you"));
}

}  // namespace

CAF_TEST(a_path_names_the_redis_channel) {
  stage s;
  check_channel(s, "/run:channel", "run:channel");
  check_channel(s, "/Run_1.b-2;;x:Ch_1.b-2", "Run_1.b-2;;x:Ch_1.b-2");
  check_channel(s, "/run:channel/", "run:channel");
  check_channel(s, "/r%75n%2D1%3B:ch%61n%2enel", "run-1;:chan.nel");
  check_channel(s, "/run%3Achannel", "run:channel");
  check_channel(s, "/run:channel?page=1", "run:channel");
}

CAF_TEST(a_name_may_have_256_bytes_and_no_more) {
  stage s;
  const auto longest = "run:" + std::string(252, 'c');
  check_channel(s, "/" + longest, longest);
  CAF_CHECK_EQUAL(handshake(s.broker, "/" + longest + "c").status, 400u);
}

CAF_TEST(a_path_that_is_no_channel_is_400_with_a_reason_of_one_line) {
  stage s;
  for (auto* path :
       {"/", "/channel", "/run:", "/:channel", "/a:b:c", "/a/b:c", "/a:b/c",
        "/a:b//", "//a:b", "/a:b;c", "/a:b%zz", "/a%2:b", "/a%2Fb:c", "/a%00:b",
        "/a%20b:c", "/a:%C3%A9", "/a+b:c", "/*:b"}) {
    const auto response = handshake(s.broker, path);
    if (response.status != 400) CAF_ERROR(path << ": " << response.status);
    const auto lines =
        std::count(response.body.begin(), response.body.end(), '\n');
    CAF_CHECK(!response.body.empty());
    CAF_CHECK(lines == 0 || (lines == 1 && response.body.back() == '\n'));
  }
}

CAF_TEST(other_methods_are_405_and_a_plain_get_is_426) {
  stage s;
  for (auto* method : {"POST", "PUT", "DELETE", "OPTIONS"})
    CAF_CHECK_EQUAL(
        request(s.broker.port(), method, "/run:channel", upgrade_headers)
            .status,
        405u);
  const auto plain = s.broker.get("/run:channel");
  CAF_CHECK_EQUAL(plain.status, 426u);
  CAF_CHECK_EQUAL(plain.header("upgrade").value_or(""), "websocket");
}

CAF_TEST(the_key_is_answered_as_the_rfc_says) {
  stage s;
  const auto viewer = s.view("run:key");
  // RFC 6455 section 1.3 has this very pair.
  CAF_CHECK_EQUAL(viewer.answer().header("sec-websocket-accept").value_or(""),
                  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

CAF_TEST(the_path_prefix_is_taken_off) {
  stage s(
      environment{{"STATUS_PATH_PREFIX", "/weppcloud-microservices/status"}});
  check_channel(s, "/weppcloud-microservices/status/run:channel",
                "run:channel");
  CAF_CHECK_EQUAL(
      handshake(s.broker, "/weppcloud-microservices/statusrun:channel").status,
      400u);
  CAF_CHECK_EQUAL(handshake(s.broker, "/weppcloud-microservices/status").status,
                  400u);
}

CAF_TEST(origins_off_the_list_are_403) {
  stage s(environment{
      {"STATUS_ALLOWED_ORIGINS", "https://wepp.example, *.forest.example"}});
  for (auto* origin : {"https://wepp.example", "https://a.forest.example",
                       "http://b.c.forest.example"}) {
    viewer_options options{.headers =
                               "Origin: " + std::string(origin) + "\r\n"};
    CAF_CHECK(s.broker.view("run:origin", options).live());
  }
  for (auto* origin : {"https://evil.example", "http://wepp.example",
                       "https://wepp.example.evil.example", "null"})
    CAF_CHECK_EQUAL(handshake(s.broker, "/run:origin",
                              "Origin: " + std::string(origin) + "\r\n")
                        .status,
                    403u);
}

CAF_TEST(one_client_too_many_is_503_with_retry_after) {
  stage s(environment{{"STATUS_MAX_CONNECTIONS", "2"}});
  auto one = s.view("run:full");
  {
    auto two = s.view("run:full");
    CAF_REQUIRE(one.live());
    CAF_REQUIRE(two.live());
    const auto refused = handshake(s.broker, "/run:full");
    CAF_CHECK_EQUAL(refused.status, 503u);
    CAF_CHECK(refused.header("retry-after").has_value());
    CAF_CHECK_EQUAL(s.broker.get("/health").status, 200u);
  }
  CAF_CHECK_EQUAL(s.broker.value("status2_connections_limit"), 2.0);
  CAF_CHECK_EQUAL(
      s.broker.value(R"(status2_clients_refused_total{reason="connections"})"),
      1.0);
  CAF_CHECK(s.broker.metric_becomes("status2_connections_active", 1));
  CAF_CHECK(s.view("run:full").live());
}
