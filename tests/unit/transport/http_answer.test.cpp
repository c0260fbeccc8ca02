// The bytes of answers.
#include "transport/http_answer.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <ctime>
#include <string>

using namespace status2::transport;

namespace {

/// `answer` with its Date cut out, after a look at it.
std::string without_date(std::string answer) {
  const auto start = answer.find("Date: ");
  CAF_REQUIRE(start != std::string::npos);
  const auto end = answer.find("\r\n", start);
  const auto text = answer.substr(start, end - start);
  std::tm parts{};
  const char* rest =
      ::strptime(text.c_str(), "Date: %a, %d %b %Y %H:%M:%S GMT", &parts);
  CAF_CHECK(rest != nullptr && *rest == '\0');
  const auto age = std::time(nullptr) - ::timegm(&parts);
  CAF_CHECK(age >= 0 && age < 60);
  return answer.erase(start, end + 2 - start);
}

}  // namespace

CAF_TEST(a_page_is_answered_with_its_length) {
  CAF_CHECK_EQUAL(
      without_date(write_answer({200, "text/plain", "OK"},
                                {.version = 11, .keep_alive = true})),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
      "Server: status2\r\n\r\nOK");
}

CAF_TEST(an_answer_to_head_has_the_length_and_no_body) {
  const auto answer =
      without_date(write_answer({200, "text/plain", "OK"}, {.head = true}));
  CAF_CHECK(answer.find("Content-Length: 2\r\n") != std::string::npos);
  CAF_CHECK(answer.ends_with("\r\n\r\n"));
}

CAF_TEST(an_answer_has_further_fields) {
  const auto answer = write_answer(
      {.body = "OK", .fields = {{"ETag", "\"a\""}, {"Vary", "Accept"}}}, {});
  CAF_CHECK(answer.find("ETag: \"a\"\r\n") != std::string::npos);
  CAF_CHECK(answer.find("Vary: Accept\r\n") != std::string::npos);
}

CAF_TEST(not_modified_has_no_body_and_says_nothing_about_it) {
  CAF_CHECK_EQUAL(
      without_date(write_answer({.status = 304, .fields = {{"ETag", "\"a\""}}},
                                {.keep_alive = true})),
      "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nServer: status2\r\n\r\n");
}

CAF_TEST(the_end_of_a_connection_is_said_in_both_versions) {
  const auto one_one = write_answer({}, {.version = 11});
  CAF_CHECK(one_one.find("Connection: close\r\n") != std::string::npos);
  const auto one_zero = write_answer({}, {.version = 10});
  CAF_CHECK(one_zero.starts_with("HTTP/1.0 200"));
  CAF_CHECK(one_zero.find("keep-alive") == std::string::npos);
}

CAF_TEST(a_refusal_has_its_text_and_its_field) {
  CAF_CHECK_EQUAL(without_date(write_answer(reply_of(refusal::channels), {})),
                  "HTTP/1.1 503 Service Unavailable\r\n"
                  "Content-Type: text/plain; charset=utf-8\r\n"
                  "Retry-After: 5\r\nContent-Length: 18\r\n"
                  "Connection: close\r\nServer: status2\r\n\r\n"
                  "too many channels\n");
  const auto upgrade = write_answer(reply_of(refusal::upgrade), {});
  CAF_CHECK(upgrade.find("Upgrade: websocket\r\n") != std::string::npos);
  CAF_CHECK(upgrade.find("Connection: upgrade\r\n") != std::string::npos);
}

CAF_TEST(each_upgrade_has_its_own_key_and_subprotocol) {
  const std::string field = "Sec-WebSocket-Accept: ";
  const auto first = write_switching_protocols("dGhlIHNhbXBsZSBub25jZQ==");
  const auto second = write_switching_protocols("AAAAAAAAAAAAAAAAAAAAAA==");
  const auto third =
      write_switching_protocols("dGhlIHNhbXBsZSBub25jZQ==", "status2.v1");
  CAF_CHECK(first.find(field + "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") !=
            std::string::npos);
  CAF_CHECK(second.find(field + "ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n") !=
            std::string::npos);
  CAF_CHECK(first.find("Sec-WebSocket-Protocol") == std::string::npos);
  CAF_CHECK(third.find("Sec-WebSocket-Protocol: status2.v1\r\n") !=
            std::string::npos);
}

CAF_TEST(each_upgrade_has_its_own_extensions) {
  const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
  const std::string start =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
      "Connection: upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  const std::string extensions = "Sec-WebSocket-Extensions: a; b=1\r\n";
  const std::string end = "Server: status2\r\n\r\n";
  CAF_CHECK_EQUAL(without_date(write_switching_protocols(key, {}, "a; b=1")),
                  start + extensions + end);
  CAF_CHECK_EQUAL(
      without_date(write_switching_protocols(key, "status2.v1", "a; b=1")),
      start + "Sec-WebSocket-Protocol: status2.v1\r\n" + extensions + end);
  CAF_CHECK_EQUAL(without_date(write_switching_protocols(key)), start + end);
}

CAF_TEST(the_upgrade_is_answered_as_rfc_6455_says) {
  CAF_CHECK_EQUAL(
      without_date(write_switching_protocols("dGhlIHNhbXBsZSBub25jZQ==")),
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
      "Connection: upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
      "Server: status2\r\n\r\n");
}
