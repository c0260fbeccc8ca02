// Messages before and after compression.
#include "transport/deflate.hpp"

#include "tests/support/deflate_reference.hpp"

#include <caf/test/unit_test.hpp>

#include <random>
#include <string>

using namespace status2::transport;
using namespace status2::support;
using namespace std::string_literals;

namespace {

constexpr std::size_t limit = 100000;

/// The text of `payload`, or the reason for a refusal.
std::string read(std::string_view payload, std::size_t most = limit) {
  std::string text;
  if (const auto error = inflate_message(payload, most, text))
    return std::string(describe(*error).label);
  return text;
}

/// Words that differ from call to call.
std::string prose(std::size_t size, unsigned seed = 1) {
  std::minstd_rand random(seed);
  std::string text;
  while (text.size() < size)
    text += "word" + std::to_string(random() % 100) + ' ';
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  std::minstd_rand random(7);
  std::string bytes;
  while (bytes.size() < size)
    bytes += static_cast<char>(random() >> 8);
  return bytes;
}

}  // namespace

CAF_TEST(the_examples_of_rfc_7692_are_read) {
  // Section 7.2.3.1, one block, and 7.2.3.3, one block without compression.
  CAF_CHECK_EQUAL(read("\xf2\x48\xcd\xc9\xc9\x07\x00"s), "Hello");
  CAF_CHECK_EQUAL(read("\x00\x05\x00\xfa\xffHello\x00"s), "Hello");
  // 7.2.3.4, a block with BFINAL, and 7.2.3.5, two blocks.
  CAF_CHECK_EQUAL(read("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s), "Hello");
  CAF_CHECK_EQUAL(read("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s),
                  "Hello");
  // 7.2.3.6, an empty message.
  CAF_CHECK_EQUAL(read("\x00"s), "");
}

CAF_TEST(no_message_refers_to_the_one_before) {
  CAF_CHECK_EQUAL(read("\xf2\x48\xcd\xc9\xc9\x07\x00"s), "Hello");
  // Section 7.2.3.2: the second Hello of a client that keeps its window.
  CAF_CHECK_EQUAL(read("\xf2\x00\x11\x00\x00"s), "protocol_error");
  const auto text = prose(5000);
  const auto first = deflate_message(text);
  CAF_CHECK(first == deflate_message(text));
  CAF_CHECK(inflated(first) == text);
}

CAF_TEST(messages_of_all_kinds_come_back) {
  for (const std::size_t size :
       {256UL, 257UL, 1000UL, 32768UL, 65536UL, 99999UL, 3000000UL}) {
    const auto text = prose(size, static_cast<unsigned>(size));
    const auto payload = deflate_message(text);
    CAF_CHECK(!payload.empty());
    CAF_CHECK(payload.size() < text.size());
    CAF_CHECK(inflated(payload) == text);
    CAF_CHECK(read(payload, size) == text);
  }
}

CAF_TEST(what_does_not_get_shorter_is_not_compressed) {
  for (const std::size_t size : {256UL, 1000UL, 100000UL})
    CAF_CHECK(deflate_message(noise(size)).empty());
  CAF_CHECK(deflate_message("").empty());
  CAF_CHECK(deflate_message("ab").empty());
  // A failure leaves nothing behind.
  CAF_CHECK(inflated(deflate_message(prose(500))) == prose(500));
}

CAF_TEST(clients_compress_in_other_ways) {
  for (const auto& text : {prose(50000), noise(50000), "x"s, std::string()})
    for (const int level : {0, 1, 6, 9})
      CAF_CHECK(read(deflated(text, level)) == text);
}

CAF_TEST(many_blocks_make_a_message) {
  std::string payload;
  std::string text;
  for (unsigned i = 0; i < 50; ++i) {
    const auto part = prose(i * 20, i);
    text += part;
    payload += deflate_blocks(part, Z_SYNC_FLUSH);
  }
  payload.resize(payload.size() - deflate_tail.size());
  CAF_CHECK(read(payload) == text);
}

CAF_TEST(blocks_with_bfinal_are_followed_by_more) {
  const auto first = prose(40000, 1);
  const auto second = prose(3000, 2);
  const auto last = deflate_blocks(first, Z_FINISH);
  CAF_CHECK(read(last + '\0') == first);
  CAF_CHECK(read(last + deflated(second)) == first + second);
  CAF_CHECK(read(last + last + '\0') == first + first);
  // The window goes on across the end of a DEFLATE stream.
  const auto again = deflate_blocks(first.substr(20000), Z_FINISH, 6, first);
  CAF_CHECK(again.size() < 1000);
  CAF_CHECK(read(last + again + '\0') == first + first.substr(20000));
  // An empty block with BFINAL may be the last one.
  CAF_CHECK(read(deflate_blocks(second, Z_SYNC_FLUSH) + '\x01') == second);
}

CAF_TEST(data_that_are_not_deflate_are_a_protocol_error) {
  // A block of the fourth type, a wrong length, a distance without a window.
  for (const auto& wrong : {"\x07"s, "\x00\x05\x00\xfa\xfeHello\x00"s,
                            "\xf2\x00\x11\x00\x00"s, "\xff\xff\xff\xff"s})
    CAF_CHECK_EQUAL(read(wrong), "protocol_error");
  // The next message is read.
  CAF_CHECK_EQUAL(read("\xf2\x48\xcd\xc9\xc9\x07\x00"s), "Hello");
}

CAF_TEST(a_message_holds_whole_blocks) {
  CAF_CHECK_EQUAL(read(""), "protocol_error");
  CAF_CHECK_EQUAL(read("\x00\x05\x00\xfa\xffHell"s), "protocol_error");
  CAF_CHECK_EQUAL(read("\xf3\x48\xcd\xc9\xc9\x07\x00"s), "protocol_error");
}

CAF_TEST(a_limit_holds_to_the_byte) {
  for (const std::size_t size : {1UL, 1023UL, 1024UL, 1025UL, 5000UL}) {
    const auto text = prose(size);
    CAF_CHECK(read(deflated(text), size) == text);
    CAF_CHECK_EQUAL(read(deflated(text), size - 1), "message_too_big");
  }
  CAF_CHECK_EQUAL(read("\x00"s, 0), "");
}

CAF_TEST(a_bomb_takes_no_more_memory_than_twice_the_limit) {
  const auto bomb = deflated(std::string(50000000, 'x'), 9);
  CAF_CHECK(bomb.size() < limit);
  std::string text;
  CAF_CHECK(inflate_message(bomb, limit, text) ==
            close_reason::message_too_big);
  CAF_CHECK(text.capacity() <= 2 * (limit + 1));
  // One behind the end of a stream, too.
  CAF_CHECK_EQUAL(read(deflate_blocks(std::string(limit - 1, 'x'), Z_FINISH) +
                       deflated(std::string(1000000, 'x'))),
                  "message_too_big");
}
