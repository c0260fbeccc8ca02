// Server-sent events, cut anywhere.
#include "service/event_parser.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::service;

namespace {

/// The events of `stream`, each in brackets with its id, read in parts of
/// `size` bytes.
std::string events(std::string_view stream, std::size_t size) {
  std::string all;
  event_parser parser;
  for (std::size_t at = 0; at < stream.size(); at += size)
    parser.feed(stream.substr(at, size), [&](const std::string& data) {
      all += "[" + data + " " + parser.last_id() + "]";
    });
  return all;
}

void check(std::string_view stream, const std::string& expected) {
  for (std::size_t size = 1; size <= stream.size(); ++size)
    CAF_CHECK_EQUAL(events(stream, size), expected);
}

}  // namespace

CAF_TEST(an_event_ends_with_an_empty_line) {
  check("data: one\n\ndata: two\n", "[one ]");
  check("data: one\r\n\r\ndata:two\n\n", "[one ][two ]");
}

CAF_TEST(an_id_stays_until_the_next_one) {
  check("id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\n", "[a 1][b 1][c 2]");
}

CAF_TEST(lines_of_data_are_joined) {
  check("data: one\ndata:  two\n\n", "[one\n two ]");
  check("data\n\n", "[ ]");
}

CAF_TEST(comments_and_unknown_fields_are_no_events) {
  check(": comment\nevent: x\nretry: no\n\n", "");
}

CAF_TEST(the_time_to_come_back_is_read) {
  event_parser parser;
  parser.feed("retry: 1234\n\n", [](const std::string&) {});
  CAF_CHECK_EQUAL(parser.retry(), 1234u);
  parser.feed("retry: soon\nretry: 1x\nretry: -1\n\n",
              [](const std::string&) {});
  CAF_CHECK_EQUAL(parser.retry(), 1234u);
}
