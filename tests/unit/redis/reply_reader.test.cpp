#include "redis/reply_reader.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::redis;

namespace {

struct message {
  reply_kind kind;
  std::string first;
  std::string payload;
  friend bool operator==(const message&, const message&) = default;
};

std::string push(std::vector<std::string> parts) {
  std::string out = "*" + std::to_string(parts.size()) + "\r\n";
  for (auto& part : parts)
    out += "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
  return out;
}

std::vector<message> read(reply_reader& reader, const std::string& bytes,
                          std::size_t step) {
  std::vector<message> seen;
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    reply_batch batch;
    CAF_REQUIRE(reader.feed(std::string_view(bytes).substr(i, step), batch));
    for (auto& reply : batch.replies)
      seen.push_back({reply.kind, std::string(batch.first(reply)),
                      std::string(batch.payload(reply))});
  }
  return seen;
}

}  // namespace

CAF_TEST(every_kind_of_reply_is_read_whatever_the_size_of_the_reads) {
  auto bytes = std::string("+OK\r\n+PONG\r\n-NOPERM not this\r\n:7\r\n") +
               "*3\r\n$9\r\nsubscribe\r\n$3\r\nr:a\r\n:1\r\n" +
               push({"message", "r:a", "hello"}) +
               push({"message", "r:b", ""}) + "*2\r\n$4\r\npong\r\n$0\r\n\r\n" +
               "*3\r\n$11\r\nunsubscribe\r\n$3\r\nr:a\r\n:0\r\n" +
               push({"message", "r:a", std::string("\0\r\n\xff", 4)});
  std::vector<message> expected{
      {reply_kind::status, "OK", ""},
      {reply_kind::pong, "PONG", ""},
      {reply_kind::error, "NOPERM not this", ""},
      {reply_kind::other, "", ""},
      {reply_kind::subscribed, "r:a", ""},
      {reply_kind::message, "r:a", "hello"},
      {reply_kind::message, "r:b", ""},
      {reply_kind::pong, "", ""},
      {reply_kind::unsubscribed, "r:a", ""},
      {reply_kind::message, "r:a", std::string("\0\r\n\xff", 4)},
  };
  for (std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7},
                           std::size_t{64}, bytes.size()}) {
    reply_reader reader;
    CAF_CHECK(read(reader, bytes, step) == expected);
  }
}

CAF_TEST(a_payload_of_many_megabytes_is_read) {
  reply_reader reader;
  constexpr std::size_t kilobyte = 1024;
  std::string big(20 * kilobyte * kilobyte, 'x');
  auto seen = read(reader, push({"message", "r:a", big}), 256 * kilobyte);
  CAF_REQUIRE_EQUAL(seen.size(), 1u);
  CAF_CHECK(seen[0].payload == big);
}

CAF_TEST(an_unsubscribe_without_a_channel_has_an_empty_one) {
  reply_reader reader;
  auto seen = read(reader, "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n", 100);
  CAF_REQUIRE_EQUAL(seen.size(), 1u);
  CAF_CHECK(seen[0].kind == reply_kind::unsubscribed);
  CAF_CHECK_EQUAL(seen[0].first, "");
}

CAF_TEST(what_came_whole_before_garbage_is_read) {
  reply_reader reader;
  reply_batch batch;
  CAF_CHECK(!reader.feed(push({"message", "r:a", "last"}) + "garbage", batch));
  CAF_REQUIRE_EQUAL(batch.replies.size(), 1u);
  CAF_CHECK_EQUAL(batch.payload(batch.replies[0]), "last");
}

CAF_TEST(garbage_breaks_the_reader) {
  reply_reader reader;
  reply_batch batch;
  CAF_CHECK(!reader.feed("HTTP/1.1 400 Bad Request\r\n", batch));
  CAF_CHECK(!reader.error().empty());
  CAF_CHECK(!reader.feed("+OK\r\n", batch));
}
