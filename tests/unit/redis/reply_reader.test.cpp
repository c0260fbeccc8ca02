#include "redis/reply_reader.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

CAF_TEST(large_payloads_are_read_whatever_the_size_of_the_reads) {
  constexpr std::size_t most_at_once = 65536;
  for (const std::size_t size :
       {most_at_once - 1, most_at_once, most_at_once + 1, 3 * most_at_once}) {
    std::string big;
    for (std::size_t i = 0; i < size; ++i)
      big += static_cast<char>(i * 7 + i / 251);
    const auto bytes =
        push({"message", "r:a", "before"}) + push({"message", "r:b", big}) +
        push({"smessage", "r:c", big}) + push({"message", "r:a", "after"});
    const std::vector<message> expected{{reply_kind::message, "r:a", "before"},
                                        {reply_kind::message, "r:b", big},
                                        {reply_kind::message, "r:c", big},
                                        {reply_kind::message, "r:a", "after"}};
    for (const std::size_t step : {std::size_t{97}, std::size_t{1000},
                                   most_at_once, size + 60, bytes.size()}) {
      reply_reader reader;
      CAF_CHECK(read(reader, bytes, step) == expected);
      CAF_CHECK(!reader.unfinished());
    }
  }
}

CAF_TEST(an_end_of_line_behind_a_large_payload_may_come_in_two_reads) {
  const std::string big(100000, 'x');
  const auto first = push({"message", "r:a", big});
  for (std::size_t cut = first.size() - 4; cut <= first.size(); ++cut) {
    reply_reader reader;
    reply_batch none, one, two;
    CAF_REQUIRE(reader.feed(first.substr(0, 70000), none));
    CAF_REQUIRE(none.replies.empty());
    CAF_CHECK(reader.unfinished());
    CAF_REQUIRE(reader.feed(first.substr(70000, cut - 70000), one));
    CAF_CHECK_EQUAL(one.replies.size(), cut == first.size() ? 1u : 0u);
    CAF_REQUIRE(reader.feed(first.substr(cut) + "+PONG\r\n", two));
    CAF_REQUIRE_EQUAL(one.replies.size() + two.replies.size(), 2u);
    const auto& whole = one.replies.empty() ? two : one;
    CAF_CHECK(whole.payload(whole.replies[0]) == big);
    CAF_CHECK(two.replies.back().kind == reply_kind::pong);
  }
}

CAF_TEST(a_large_payload_is_kept_once) {
  constexpr std::size_t size = 32 << 20;
  constexpr std::size_t part = 262144;
  const auto bytes = push({"message", "r:a", std::string(size, 'x')});
  reply_reader reader;
  std::size_t most = 0;
  for (std::size_t at = 0; at < bytes.size(); at += part) {
    reply_batch batch;
    CAF_REQUIRE(reader.feed(std::string_view(bytes).substr(at, part), batch));
    most = std::max(most, reader.kept());
  }
  CAF_CHECK(most >= size);
  CAF_CHECK(most < size + (1 << 20));
  CAF_CHECK(reader.kept() < 1 << 20);
}

CAF_TEST(a_payload_beyond_the_limit_leaves_its_channel_and_its_size) {
  constexpr std::size_t limit = 10;
  for (const std::size_t size : {limit + 1, std::size_t{70000}}) {
    const auto bytes = push({"message", "r:a", std::string(limit, 'f')}) +
                       push({"message", "r:b", std::string(size, 'x')}) +
                       push({"smessage", "r:c", std::string(size, 'x')}) +
                       push({"message", "r:a", "next"}) + "+PONG\r\n";
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{7}, std::size_t{65536}, bytes.size()}) {
      reply_reader reader(limit);
      std::vector<reply_kind> kinds;
      std::vector<std::string> firsts;
      for (std::size_t i = 0; i < bytes.size(); i += step) {
        reply_batch batch;
        CAF_REQUIRE(
            reader.feed(std::string_view(bytes).substr(i, step), batch));
        CAF_REQUIRE(batch.bytes.size() < 100);
        for (const auto& reply : batch.replies) {
          kinds.push_back(reply.kind);
          firsts.emplace_back(batch.first(reply));
          if (reply.kind == reply_kind::too_large)
            CAF_REQUIRE_EQUAL(reply.second_size, size);
        }
      }
      CAF_CHECK(kinds ==
                (std::vector{reply_kind::message, reply_kind::too_large,
                             reply_kind::too_large, reply_kind::message,
                             reply_kind::pong}));
      CAF_CHECK(firsts ==
                (std::vector<std::string>{"r:a", "r:b", "r:c", "r:a", "PONG"}));
    }
  }
}

CAF_TEST(six_hundred_megabytes_are_skipped_without_being_kept) {
  constexpr std::uint64_t size = 600ULL << 20;
  const std::string part(262144, 'x');
  reply_reader reader(16 << 20);
  reply_batch batch;
  CAF_REQUIRE(reader.feed(
      "*3\r\n$7\r\nmessage\r\n$3\r\nr:a\r\n$" + std::to_string(size) + "\r\n",
      batch));
  std::size_t most = 0;
  for (std::uint64_t sent = 0; sent < size; sent += part.size()) {
    CAF_REQUIRE(reader.feed(part, batch));
    CAF_REQUIRE(batch.replies.empty());
    most = std::max(most, reader.kept());
  }
  CAF_CHECK(most < 1 << 20);
  CAF_REQUIRE(reader.feed("\r\n" + push({"message", "r:b", "next"}), batch));
  CAF_REQUIRE_EQUAL(batch.replies.size(), 2u);
  CAF_CHECK(batch.replies[0].kind == reply_kind::too_large);
  CAF_CHECK_EQUAL(batch.first(batch.replies[0]), "r:a");
  CAF_CHECK_EQUAL(batch.replies[0].second_size, size);
  CAF_CHECK_EQUAL(batch.payload(batch.replies[1]), "next");
}

CAF_TEST(only_the_payload_of_a_message_may_be_large) {
  const std::string part(262144, 'x');
  for (const std::string begin :
       {"$600000000\r\n", "+", "-", "*3\r\n$600000000\r\n",
        "*3\r\n$7\r\nmessage\r\n$600000000\r\n",
        "*3\r\n$9\r\nsubscribe\r\n$3\r\nr:a\r\n$600000000\r\n",
        "*4\r\n$7\r\nmessage\r\n$3\r\nr:a\r\n$600000000\r\n",
        "*2\r\n*1\r\n$7\r\nmessage\r\n$600000000\r\n"}) {
    reply_reader reader(1 << 30);
    reply_batch batch;
    bool sound = reader.feed(begin, batch);
    int parts = 0;
    for (; sound && parts < 100; ++parts)
      sound = reader.feed(part, batch);
    CAF_CHECK(!sound);
    CAF_CHECK(parts < 6);
    CAF_CHECK(reader.kept() < 2 << 20);
    CAF_CHECK(reader.error().starts_with("a reply of more than"));
    CAF_CHECK(!reader.feed("+OK\r\n", batch));
  }
}
