#include "tests/bench/payload.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::bench;

namespace {

std::string status_frame(std::string_view payload) {
  return R"({"type":"status","data":")" + std::string(payload) + R"("})";
}

}  // namespace

CAF_TEST(a_stamp_survives_the_way_through_a_server) {
  std::string payload;
  append_payload(payload, {0xfedcba9876543210, 42}, 128);
  CAF_CHECK_EQUAL(payload.size(), 128u);
  const server_text text = read_server_text(status_frame(payload));
  CAF_CHECK(text.kind == text_kind::stamped);
  CAF_CHECK_EQUAL(text.published.published_ns, 0xfedcba9876543210u);
  CAF_CHECK_EQUAL(text.published.number, 42u);
}

CAF_TEST(no_payload_is_shorter_than_its_stamp) {
  std::string payload;
  append_payload(payload, {1, 2}, 5);
  CAF_CHECK_EQUAL(payload.size(), stamp_size);
  CAF_CHECK(read_server_text(status_frame(payload)).kind == text_kind::stamped);
}

CAF_TEST(probes_pings_and_hangups_are_told_apart) {
  CAF_CHECK(read_server_text(status_frame(probe_payload)).kind ==
            text_kind::probe);
  CAF_CHECK(read_server_text(R"({"type":"ping"})").kind == text_kind::ping);
  CAF_CHECK(read_server_text(R"({"type":"hangup"})").kind == text_kind::hangup);
}

CAF_TEST(objects_with_ids_are_read_too) {
  std::string payload;
  append_payload(payload, {1, 2}, stamp_size);
  const auto text = read_server_text(
      R"({"type":"status","id":"a-1.7","data":")" + payload + R"("})");
  CAF_CHECK(text.kind == text_kind::stamped);
  CAF_CHECK_EQUAL(text.published.number, 2u);
  CAF_CHECK(read_server_text(R"({"type":"resumed","id":"a-1.7"})").kind ==
            text_kind::resumed);
}

CAF_TEST(what_the_generator_did_not_publish_is_other) {
  for (const char* const text :
       {"", "{}", R"({"type":"status","id":"a)",
        R"({"type":"status","data":"x"})",
        R"({"type":"status","data":"s0123"})",
        R"({"type":"status","data":"s00000000000000zz0000000000000001"})"})
    CAF_CHECK(read_server_text(text).kind == text_kind::other);
}
