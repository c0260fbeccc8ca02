// What a Redis payload looks like on the wire.
#include "transport/frame.hpp"

#include "transport/encoder.hpp"

#include <caf/test/unit_test.hpp>

#include <array>

using namespace status2::transport;

namespace {

std::string status(std::string_view payload) {
  std::string out;
  append_status_frame(out, payload);
  return out;
}

std::string header(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes)
    out += static_cast<char>(byte);
  return out;
}

std::string framed(const std::string& head, std::string_view data) {
  return head + R"({"type":"status","data":")" + std::string(data) + R"("})";
}

// `{"type":"status","data":""}`
constexpr std::size_t envelope = 27;

}  // namespace

CAF_TEST(an_empty_payload_is_a_message) {
  CAF_CHECK_EQUAL(status(""), framed(header({0x81, 27}), ""));
}

CAF_TEST(a_payload_is_a_json_string_in_one_text_frame) {
  CAF_CHECK_EQUAL(status("step 1 \"done\"\n"),
                  framed(header({0x81, 44}), R"(step 1 \"done\"\n)"));
}

CAF_TEST(lengths_at_the_borders_of_the_header_sizes) {
  const std::array<std::pair<std::size_t, std::string>, 6> cases{{
      {125, header({0x81, 125})},
      {126, header({0x81, 126, 0, 126})},
      {65535, header({0x81, 126, 0xff, 0xff})},
      {65536, header({0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0})},
      {65537, header({0x81, 127, 0, 0, 0, 0, 0, 1, 0, 1})},
      {1 << 20, header({0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 0})},
  }};
  for (const auto& [length, head] : cases) {
    const std::string payload(length - envelope, 'x');
    CAF_CHECK(status(payload) == framed(head, payload));
  }
}

CAF_TEST(escaping_that_outgrows_the_header_moves_nothing_else) {
  for (const std::size_t length : {90U, 98U, 65000U, 65508U}) {
    const std::string quotes(length, '"');
    std::string escaped;
    for (std::size_t i = 0; i < length; ++i)
      escaped += "\\\"";
    const auto size = escaped.size() + envelope;
    const auto head =
        size < 65536
            ? header({0x81, 126, static_cast<int>(size >> 8),
                      static_cast<int>(size & 0xff)})
            : header({0x81, 127, 0, 0, 0, 0, 0, static_cast<int>(size >> 16),
                      static_cast<int>(size >> 8 & 0xff),
                      static_cast<int>(size & 0xff)});
    std::string out = "before";
    append_status_frame(out, quotes);
    CAF_CHECK(out == "before" + framed(head, escaped));
  }
}

CAF_TEST(frames_follow_each_other_in_a_block) {
  std::string out;
  append_status_frame(out, "a");
  append_status_frame(out, "b");
  CAF_CHECK_EQUAL(out, status("a") + status("b"));
}

CAF_TEST(a_close_frame_has_code_and_reason) {
  std::string out;
  append_close_frame(out, 1008, "idle timeout");
  CAF_CHECK_EQUAL(out, header({0x88, 14, 0x03, 0xf0}) + "idle timeout");
}

CAF_TEST(a_close_reason_is_cut_to_what_a_control_frame_holds) {
  std::string out;
  append_close_frame(out, 1000, std::string(200, 'r'));
  CAF_CHECK_EQUAL(out, header({0x88, 125, 0x03, 0xe8}) + std::string(123, 'r'));
}

CAF_TEST(ping_and_hangup_are_framed_once) {
  CAF_CHECK_EQUAL(ping_frame()->bytes,
                  header({0x81, 15}) + R"({"type":"ping"})");
  CAF_CHECK_EQUAL(hangup_frame()->bytes,
                  header({0x81, 17}) + R"({"type":"hangup"})");
  CAF_CHECK_EQUAL(ping_frame()->messages, 0u);
  CAF_CHECK_EQUAL(ping_frame().get(), ping_frame().get());
}

CAF_TEST(a_gap_names_its_window_and_its_cause) {
  using std::chrono::milliseconds;
  const gap what{gap::time_point{milliseconds{1'700'000'000'007}},
                 gap::time_point{milliseconds{1'700'000'001'500}},
                 gap_cause::restart};
  const std::string text =
      R"({"type":"gap","since":"2023-11-14T22:13:20.007Z",)"
      R"("until":"2023-11-14T22:13:21.500Z","cause":"restart"})";
  const auto block = encode_gap(encoding::plain, what);
  CAF_CHECK_EQUAL(block->bytes,
                  header({0x81, static_cast<int>(text.size())}) + text);
  CAF_CHECK_EQUAL(block->messages, 0u);
  CAF_CHECK(block->gap);
}

CAF_TEST(a_gap_is_never_told_shorter_than_it_is) {
  using std::chrono::microseconds;
  const gap what{gap::time_point{microseconds{1'700'000'000'007'900}},
                 gap::time_point{microseconds{1'700'000'000'009'100}},
                 gap_cause::restart};
  const auto text = encode_gap(encoding::plain, what)->bytes;
  CAF_CHECK(text.find(R"("since":"2023-11-14T22:13:20.007Z")") !=
            std::string::npos);
  CAF_CHECK(text.find(R"("until":"2023-11-14T22:13:20.010Z")") !=
            std::string::npos);
}

CAF_TEST(every_cause_of_a_gap_has_its_name) {
  const std::pair<gap_cause, std::string> causes[] = {
      {gap_cause::redis, "redis"},     {gap_cause::slow, "slow"},
      {gap_cause::restart, "restart"}, {gap_cause::too_large, "too_large"},
      {gap_cause::evicted, "evicted"}, {gap_cause::elsewhere, "elsewhere"}};
  for (const auto& [cause, name] : causes)
    CAF_CHECK(encode_gap(encoding::plain, {{}, {}, cause})
                  ->bytes.ends_with(R"("cause":")" + name + R"("})"));
}

CAF_TEST(a_large_block_is_a_block_like_any_other) {
  const auto block = make_large_block();
  append_status_frame(block->bytes, std::string(1 << 20, 'x'));
  CAF_CHECK(block->shared_from_this() == block);
  CAF_CHECK_EQUAL(block->messages, 0u);
}
