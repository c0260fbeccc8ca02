#include "compose/netem/nfqueue_message.hpp"

#include <caf/test/unit_test.hpp>

#include <vector>

using namespace status2::netem;
using namespace std::string_literals;

namespace {

// A packet as the kernel announces it: an attribute that is not ours, then the
// one with id 0x01020304. Netlink's own fields are in the byte order of the
// machine: the tests run on little-endian ones, as the releases do.
const std::string packet_message =
    "\x28\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"s  // head
    "\x02\x00\x16\x6e"s                                   // family, queue
    "\x08\x00\x05\x00\x00\x00\x00\x02"s                   // interface
    "\x0b\x00\x01\x00\x01\x02\x03\x04\x08\x00\x03\x00"s;  // packet header

std::string error_message(std::string_view code) {
  return "\x24\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"s +
         std::string(code) + std::string(16, '\0');
}

std::vector<reply> replies_in(const std::string& bytes) {
  std::vector<reply> found;
  for_each_reply(bytes, [&](const reply& one) { found.push_back(one); });
  return found;
}

}  // namespace

CAF_TEST(a_verdict_has_the_bytes_the_kernel_reads) {
  std::string bytes;
  append_verdict(bytes, 5742, 0x01020304, verdict::accept);
  CAF_CHECK_EQUAL(
      bytes,
      "\x20\x00\x00\x00\x01\x03\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"s
      "\x00\x00\x16\x6e"s
      "\x0c\x00\x02\x00\x00\x00\x00\x01\x01\x02\x03\x04"s);
}

CAF_TEST(a_drop_and_a_batch_differ_in_verdict_and_type) {
  std::string drop, batch;
  append_verdict(drop, 1, 2, verdict::drop);
  append_accept_up_to(batch, 1, 2);
  CAF_CHECK_EQUAL(drop.substr(4, 2), "\x01\x03"s);
  CAF_CHECK_EQUAL(drop.substr(24), "\x00\x00\x00\x00\x00\x00\x00\x02"s);
  CAF_CHECK_EQUAL(batch.substr(4, 2), "\x03\x03"s);
  CAF_CHECK_EQUAL(batch.substr(24), "\x00\x00\x00\x01\x00\x00\x00\x02"s);
}

CAF_TEST(messages_are_padded_so_that_they_can_follow_each_other) {
  std::string bytes;
  append_bind(bytes, 1);
  CAF_CHECK_EQUAL(bytes.size(), 28u);
  append_copy_meta(bytes, 1);
  // Five bytes of parameters and three of padding.
  CAF_CHECK_EQUAL(bytes.size(), 28u + 32u);
  CAF_CHECK_EQUAL(bytes[28], '\x20');
  append_queue_length(bytes, 1, 100'000);
  CAF_CHECK_EQUAL(bytes.substr(28 + 32 + 24), "\x00\x01\x86\xa0"s);
}

CAF_TEST(packets_and_errors_are_found_one_after_the_other) {
  const auto found =
      replies_in(packet_message + error_message("\xff\xff\xff\xff"s) +
                 packet_message + error_message("\0\0\0\0"s));
  CAF_REQUIRE_EQUAL(found.size(), 4u);
  CAF_CHECK(found[0].kind == reply_kind::packet);
  CAF_CHECK_EQUAL(found[0].id, 0x01020304u);
  CAF_CHECK(found[1].kind == reply_kind::error);
  CAF_CHECK_EQUAL(found[1].code, 1);
  CAF_CHECK(found[2].kind == reply_kind::packet);
  CAF_CHECK_EQUAL(found[3].code, 0);
}

CAF_TEST(a_message_cut_short_anywhere_is_no_packet) {
  for (std::size_t length = 0; length < packet_message.size(); ++length)
    CAF_CHECK(replies_in(packet_message.substr(0, length)).empty());
}

CAF_TEST(a_message_of_a_wrong_length_ends_the_search) {
  std::string too_long = packet_message, too_short = packet_message;
  too_long[1] = '\x01';
  too_short[0] = '\x04';
  CAF_CHECK(replies_in(too_long + packet_message).empty());
  CAF_CHECK(replies_in(too_short + packet_message).empty());
  std::string endless = packet_message;
  endless[20] = '\x00';
  CAF_CHECK(replies_in(endless).empty());
}
