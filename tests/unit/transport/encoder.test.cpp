// Messages, gaps and the end of a replay in each encoding.
#include "transport/encoder.hpp"

#include "tests/support/deflate_reference.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

using namespace status2::transport;
using namespace std::chrono_literals;

namespace {

std::string text_frame(std::string_view text) {
  std::string out;
  append_text_frame(out, text);
  return out;
}

std::shared_ptr<frame_block> block_of(
    encoding kind, std::initializer_list<std::string_view> payloads) {
  auto block = std::make_shared<frame_block>();
  block->kind = kind;
  std::uint64_t number = 5;
  for (const auto payload : payloads)
    append_message(*block, {"abc-1", number++}, payload);
  return block;
}

gap seconds(int since, int until, gap_cause cause) {
  return {gap::time_point{std::chrono::seconds{since}},
          gap::time_point{std::chrono::seconds{until}}, cause};
}

}  // namespace

CAF_TEST(plain_messages_are_status_frames) {
  const auto block = block_of(encoding::plain, {"a", "b\"c"});
  CAF_CHECK(block->bytes ==
            text_frame(R"({"type":"status","data":"a"})") +
                text_frame(R"({"type":"status","data":"b\"c"})"));
  CAF_CHECK_EQUAL(block->messages, 2u);
  CAF_CHECK_EQUAL(block->first_number, 0u);
}

CAF_TEST(numbered_messages_have_ids) {
  const auto block = block_of(encoding::numbered, {"a", "b\"c"});
  CAF_CHECK(
      block->bytes ==
      text_frame(R"({"type":"status","id":"abc-1.5","data":"a"})") +
          text_frame(R"({"type":"status","id":"abc-1.6","data":"b\"c"})"));
  CAF_CHECK_EQUAL(block->messages, 2u);
  CAF_CHECK_EQUAL(block->first_number, 5u);
}

CAF_TEST(a_last_word_is_marked_and_has_its_own_id) {
  const auto block =
      encode_last_word(encoding::numbered, {"abc-1", 7}, "the \"end\"");
  CAF_CHECK_EQUAL(
      block->bytes,
      text_frame(
          R"({"type":"status","id":"abc-1.7","latched":true,"data":"the \"end\""})"));
  CAF_CHECK_EQUAL(block->messages, 1u);
  CAF_CHECK(block->kind == encoding::numbered);
  CAF_CHECK(
      encode_last_word(encoding::event_stream, {"abc-1", 7}, "end")->bytes ==
      "id: abc-1.7\ndata: {\"type\":\"status\",\"id\":"
      "\"abc-1.7\",\"latched\":true,\"data\":\"end\"}\n\n");
}

CAF_TEST(a_numbered_payload_is_escaped_as_a_plain_one) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all += static_cast<char>(byte);
  const auto plain = block_of(encoding::plain, {all})->bytes;
  const auto numbered = block_of(encoding::numbered, {all})->bytes;
  const std::string data = R"("data":)";
  CAF_CHECK(plain.substr(plain.find(data)) ==
            numbered.substr(numbered.find(data)));
}

CAF_TEST(events_carry_the_same_objects_with_their_ids) {
  const auto block = block_of(encoding::event_stream, {"a", "b\r\nc"});
  CAF_CHECK_EQUAL(block->bytes,
                  "id: abc-1.5\n"
                  R"(data: {"type":"status","id":"abc-1.5","data":"a"})"
                  "\n\n"
                  "id: abc-1.6\n"
                  R"(data: {"type":"status","id":"abc-1.6","data":"b\r\nc"})"
                  "\n\n");
  CAF_CHECK_EQUAL(block->messages, 2u);
  const auto end =
      encode_resumption(encoding::event_stream, {"abc-1", 7}, {true, 2});
  CAF_CHECK_EQUAL(
      end->bytes,
      "id: abc-1.7\n"
      R"(data: {"type":"resumed","id":"abc-1.7","complete":true,"replayed":2})"
      "\n\n");
}

CAF_TEST(a_gap_in_an_event_stream_is_an_event) {
  const auto missing = seconds(1, 2, gap_cause::redis);
  const std::string times =
      R"("since":"1970-01-01T00:00:01.000Z","until":"1970-01-01T00:00:02.000Z")";
  const auto placed = encode_gap(encoding::event_stream, {"abc-1", 7}, missing);
  CAF_CHECK_EQUAL(placed->bytes,
                  "id: abc-1.7\n"
                  R"(data: {"type":"gap","id":"abc-1.7",)" +
                      times + R"(,"cause":"redis"})" + "\n\n");
  const auto unplaced = encode_gap(encoding::event_stream, missing);
  CAF_CHECK_EQUAL(unplaced->bytes, R"(data: {"type":"gap",)" + times +
                                       R"(,"cause":"redis"})" + "\n\n");
}

CAF_TEST(long_messages_are_compressed_and_hold_the_same) {
  const std::string payload(3000, 'p');
  for (const auto kind :
       {encoding::plain_deflated, encoding::numbered_deflated}) {
    const auto block = block_of(kind, {payload});
    const auto& bytes = block->bytes;
    CAF_REQUIRE(bytes.size() > 2 && bytes.size() < 126);
    CAF_CHECK_EQUAL(static_cast<unsigned char>(bytes[0]), 0xc1);
    CAF_CHECK_EQUAL(static_cast<std::size_t>(bytes[1]), bytes.size() - 2);
    const auto whole = block_of(without_compression(kind), {payload});
    CAF_CHECK(text_frame(status2::support::inflated(bytes.substr(2))) ==
              whole->bytes);
    CAF_CHECK_EQUAL(block->uncompressed, whole->bytes.size());
    CAF_CHECK_EQUAL(block->first_number, whole->first_number);
    CAF_CHECK_EQUAL(block->messages, 1u);
  }
}

CAF_TEST(short_messages_stay_as_they_are_beside_compressed_ones) {
  // Objects of 255 and of 256 bytes.
  const auto envelope = std::string_view(R"({"type":"status","data":""})");
  const std::string below(255 - envelope.size(), 'x');
  const auto block =
      block_of(encoding::plain_deflated, {"a", below, below + 'x', "b"});
  const auto before = block_of(encoding::plain, {"a", below})->bytes;
  CAF_CHECK(block->bytes.starts_with(before));
  CAF_CHECK_EQUAL(static_cast<unsigned char>(block->bytes[before.size()]),
                  0xc1);
  CAF_CHECK(block->bytes.ends_with(block_of(encoding::plain, {"b"})->bytes));
  CAF_CHECK_EQUAL(block->messages, 4u);
  CAF_CHECK_EQUAL(
      block->uncompressed,
      block_of(encoding::plain, {"a", below, below + 'x', "b"})->bytes.size());
}

CAF_TEST(gaps_and_the_end_of_a_replay_are_never_compressed) {
  const auto missing = seconds(1, 2, gap_cause::redis);
  const auto plain =
      encode_gap(encoding::plain_deflated, {"abc-1", 7}, missing);
  CAF_CHECK(plain->kind == encoding::plain_deflated);
  CAF_CHECK(plain->bytes == encode_gap(encoding::plain, missing)->bytes);
  CAF_CHECK_EQUAL(plain->first_number, 0u);
  const auto numbered =
      encode_gap(encoding::numbered_deflated, {"abc-1", 7}, missing);
  CAF_CHECK(numbered->bytes ==
            encode_gap(encoding::numbered, {"abc-1", 7}, missing)->bytes);
  CAF_CHECK_EQUAL(numbered->first_number, 7u);
  const resumption end{true, 12};
  CAF_CHECK(encode_resumption(encoding::numbered_deflated, {"abc-1", 7}, end)
                ->bytes ==
            encode_resumption(encoding::numbered, {"abc-1", 7}, end)->bytes);
}

CAF_TEST(a_gap_has_an_id_where_messages_have) {
  const auto missing = seconds(1, 2, gap_cause::redis);
  const std::string times =
      R"("since":"1970-01-01T00:00:01.000Z","until":"1970-01-01T00:00:02.000Z")";
  const auto plain = encode_gap(encoding::plain, {"abc-1", 7}, missing);
  CAF_CHECK(plain->bytes ==
            text_frame(R"({"type":"gap",)" + times + R"(,"cause":"redis"})"));
  CAF_CHECK(plain->gap);
  const auto numbered = encode_gap(encoding::numbered, {"abc-1", 7}, missing);
  CAF_CHECK(numbered->bytes == text_frame(R"({"type":"gap","id":"abc-1.7",)" +
                                          times + R"(,"cause":"redis"})"));
  CAF_CHECK(numbered->gap);
  CAF_CHECK_EQUAL(numbered->first_number, 7u);
  CAF_CHECK_EQUAL(numbered->messages, 0u);
}

CAF_TEST(a_gap_whose_begin_is_not_known_has_no_since) {
  const auto block = encode_gap(
      encoding::numbered, {{}, gap::time_point{2s}, gap_cause::elsewhere});
  CAF_CHECK(block->bytes ==
            text_frame(R"({"type":"gap","until":"1970-01-01T00:00:02.000Z",)"
                       R"("cause":"elsewhere"})"));
}

CAF_TEST(the_end_of_a_replay_says_whether_it_is_complete) {
  CAF_CHECK(
      encode_resumption(encoding::numbered, {"abc-1", 7}, {true, 12})->bytes ==
      text_frame(R"({"type":"resumed","id":"abc-1.7",)"
                 R"("complete":true,"replayed":12})"));
  CAF_CHECK(
      encode_resumption(encoding::numbered, {"abc-1", 0}, {false, 0})->bytes ==
      text_frame(R"({"type":"resumed","id":"abc-1.0",)"
                 R"("complete":false,"replayed":0})"));
}
