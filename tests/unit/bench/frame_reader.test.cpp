#include "tests/bench/frame_reader.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::bench;
using namespace std::string_literals;

namespace {

std::string frame_of(std::size_t length) {
  if (length < 126)
    return "\x81"s + static_cast<char>(length) + std::string(length, 'a');
  if (length == 126) return "\x81\x7e\x00\x7e"s + std::string(length, 'b');
  return "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s + std::string(65536, 'c');
}

}  // namespace

CAF_TEST(frames_of_all_three_length_forms_are_cut_out) {
  const std::string stream = frame_of(0) + frame_of(125) + frame_of(126) +
                             frame_of(65536) + "\x89\x00"s;
  frame_reader reader;
  std::vector<std::size_t> lengths;
  CAF_CHECK(reader.feed(stream, [&](const frame_view& frame) {
    lengths.push_back(frame.payload.size());
  }));
  CAF_CHECK_EQUAL(lengths, (std::vector<std::size_t>{0, 125, 126, 65536, 0}));
}

CAF_TEST(frames_that_come_byte_by_byte_are_put_together) {
  const std::string stream =
      "\x81\x02hi\x88\x02\x03\xe9\x81\x7e\x00\x7e"s + std::string(126, 'z');
  frame_reader reader;
  std::vector<std::string> seen;
  for (const char byte : stream)
    CAF_CHECK(reader.feed({&byte, 1}, [&](const frame_view& frame) {
      seen.emplace_back(frame.payload);
    }));
  CAF_CHECK_EQUAL(seen, (std::vector<std::string>{"hi", "\x03\xe9",
                                                  std::string(126, 'z')}));
}

CAF_TEST(a_frame_tells_its_opcode) {
  CAF_CHECK(parse_frame("\x81\x00"s).frame.kind == opcode::text);
  CAF_CHECK(parse_frame("\x88\x00"s).frame.kind == opcode::close);
}

CAF_TEST(masked_fragmented_and_reserved_frames_are_malformed) {
  for (const std::string& bytes : {"\x81\x80"s, "\x01\x00"s, "\xc1\x00"s}) {
    frame_reader reader;
    CAF_CHECK(!reader.feed(bytes, [](const frame_view&) {}));
  }
}

CAF_TEST(a_client_frame_is_masked_with_zero) {
  CAF_CHECK_EQUAL(client_text_frame("hi"), "\x81\x82\x00\x00\x00\x00hi"s);
}

CAF_TEST(events_are_cut_anywhere) {
  const std::string stream =
      "retry: 1\n\nid: a\ndata: one\n\n: comment\n\ndata: two\n\ndata: thr";
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    event_reader reader;
    std::string all;
    for (std::size_t at = 0; at < stream.size(); at += size)
      reader.feed(std::string_view(stream).substr(at, size),
                  [&](std::string_view data) {
                    all += data;
                    all += ' ';
                  });
    CAF_CHECK_EQUAL(all, "one two ");
  }
}
