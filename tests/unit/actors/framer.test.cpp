#include "actors/framer.hpp"

#include "tests/support/payloads.hpp"
#include "transport/encoder.hpp"

#include <caf/test/unit_test.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

using namespace status2::actors;
using status2::transport::encoding;
using status2::transport::gap;
using status2::transport::gap_cause;

namespace {

const gap missing{{}, {}, gap_cause::too_large};

std::string frames(std::initializer_list<std::string> payloads) {
  std::string out;
  for (const auto& payload : payloads)
    status2::transport::append_status_frame(out, payload);
  return out;
}

/// A batch in which the messages `dropped`, by their places, were too large.
payload_batch batch_of(const std::vector<std::string>& payloads,
                       std::initializer_list<std::size_t> dropped) {
  auto batch = status2::support::payloads(payloads);
  auto read = std::make_shared<status2::redis::reply_batch>(*batch.read);
  for (const auto place : dropped) {
    auto at = batch.first;
    for (std::size_t i = 0; i < place; ++i)
      at = read->replies[at].next;
    read->replies[at].kind = status2::redis::reply_kind::too_large;
    batch.bytes -= read->replies[at].second_size;
    ++batch.too_large;
  }
  batch.read = read;
  return batch;
}

blocks_wanted wanted(const std::vector<std::string>& payloads,
                     std::initializer_list<std::size_t> dropped = {}) {
  return {batch_of(payloads, dropped), missing, "abc-1", 5, {encoding::plain}};
}

}  // namespace

CAF_TEST(a_batch_without_gaps_becomes_one_block) {
  const auto blocks = blocks_of(wanted({"one", "", "three"}));
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK_EQUAL(blocks[0]->bytes, frames({"one", "", "three"}));
  CAF_CHECK_EQUAL(blocks[0]->messages, 3u);
}

CAF_TEST(each_dropped_message_is_a_gap_in_its_place) {
  const auto blocks =
      blocks_of(wanted({"a", "b", "c", "d", "e", "f"}, {0, 3, 4}));
  CAF_REQUIRE_EQUAL(blocks.size(), 5u);
  CAF_CHECK_EQUAL(blocks[1]->bytes, frames({"b", "c"}));
  CAF_CHECK_EQUAL(blocks[1]->messages, 2u);
  CAF_CHECK_EQUAL(blocks[4]->bytes, frames({"f"}));
  for (const std::size_t gap : {0, 2, 3}) {
    CAF_CHECK(blocks[gap]->gap);
    CAF_CHECK_EQUAL(blocks[gap]->messages, 0u);
    CAF_CHECK(blocks[gap]->bytes ==
              status2::transport::encode_gap(encoding::plain, missing)->bytes);
  }
}

CAF_TEST(a_large_batch_becomes_the_same_frames) {
  const std::string large(most_encoded_here + 1, '"');
  const auto blocks = blocks_of(wanted({"before", large, "after"}));
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK(blocks[0]->bytes == frames({"before", large, "after"}));
}

CAF_TEST(a_large_batch_is_compressed_and_takes_the_memory_of_that) {
  auto compressed = wanted({std::string(most_encoded_here + 1, 'x'), "after"});
  compressed.kinds = {encoding::plain_deflated};
  const auto blocks = blocks_of(compressed);
  CAF_REQUIRE_EQUAL(blocks.size(), 1u);
  CAF_CHECK(blocks[0]->bytes.capacity() < 65536);
  CAF_CHECK(blocks[0]->bytes.ends_with(frames({"after"})));
  CAF_CHECK_EQUAL(
      blocks[0]->uncompressed,
      frames({std::string(most_encoded_here + 1, 'x'), "after"}).size());
}

CAF_TEST(each_encoding_has_blocks_of_its_own_with_numbers_across_gaps) {
  auto both = wanted({"a", "b", "c"}, {1});
  both.kinds = {encoding::plain, encoding::numbered};
  const auto blocks = blocks_of(both);
  CAF_REQUIRE_EQUAL(blocks.size(), 6u);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    CAF_CHECK(blocks[i]->kind ==
              (i < 3 ? encoding::plain : encoding::numbered));
  CAF_CHECK_EQUAL(blocks[3]->first_number, 5u);
  CAF_CHECK(blocks[4]->gap);
  CAF_CHECK_EQUAL(blocks[4]->first_number, 6u);
  CAF_CHECK_EQUAL(blocks[5]->first_number, 7u);
  CAF_CHECK(blocks[5]->bytes.find(R"("id":"abc-1.7")") != std::string::npos);
}
