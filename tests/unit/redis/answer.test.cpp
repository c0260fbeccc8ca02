#include "redis/answer.hpp"

#include "tests/support/resp.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2::redis;
namespace resp = status2::support::resp;

namespace {

using type = answer::type;

answer text(const std::string& value) {
  return {.kind = type::text, .text = value};
}

answer number(std::int64_t value) {
  return {.kind = type::integer, .integer = value};
}

answer list(std::vector<answer> elements) {
  return {.kind = type::array, .elements = std::move(elements)};
}

struct outcome {
  std::vector<answer> answers;
  std::string error;
};

outcome read(const std::string& bytes, std::size_t step) {
  answer_reader reader;
  outcome result;
  for (std::size_t i = 0; i < bytes.size(); i += step)
    if (!reader.feed(std::string_view(bytes).substr(i, step), result.answers))
      break;
  result.error = reader.error();
  return result;
}

outcome read(const std::string& bytes) {
  return read(bytes, bytes.size());
}

}  // namespace

CAF_TEST(every_type_is_read_whatever_the_size_of_the_reads) {
  const auto bytes =
      "+OK\r\n-ERR no\r\n:-7\r\n" + resp::nil + resp::nil_list + "*0\r\n" +
      resp::text(std::string("\0\r\n\xff", 4)) +
      resp::list({resp::text("a"), resp::number(1),
                  resp::list({resp::list({resp::nil}), "+b\r\n"}),
                  resp::text("c")});
  const std::vector<answer> expected{
      {.kind = type::status, .text = "OK"},
      {.kind = type::error, .text = "ERR no"},
      number(-7),
      {},
      {},
      list({}),
      text(std::string("\0\r\n\xff", 4)),
      list({text("a"), number(1),
            list({list({answer{}}), {.kind = type::status, .text = "b"}}),
            text("c")}),
  };
  for (std::size_t step : {std::size_t{1}, std::size_t{3}, bytes.size()}) {
    const auto result = read(bytes, step);
    CAF_CHECK_EQUAL(result.error, "");
    CAF_CHECK(result.answers == expected);
  }
}

CAF_TEST(bytes_that_are_not_resp_break_the_reader_after_the_good_ones) {
  for (const std::string bad :
       {"HTTP/1.1 400 Bad Request\r\n", "\x16\x03\x01", "*x\r\n", "$-2\r\n",
        ":12a\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}) {
    answer_reader reader;
    std::vector<answer> answers;
    CAF_MESSAGE(bad);
    CAF_CHECK(!reader.feed("+OK\r\n" + bad, answers));
    CAF_CHECK(!reader.error().empty());
    CAF_CHECK_EQUAL(answers.size(), 1u);
    CAF_CHECK(!reader.feed("+OK\r\n", answers));
    CAF_CHECK_EQUAL(answers.size(), 1u);
  }
}

CAF_TEST(an_announced_size_costs_nothing_before_the_elements_arrive) {
  const auto result = read("*2000000000\r\n:1\r\n");
  CAF_CHECK_EQUAL(result.error, "");
  CAF_CHECK(result.answers.empty());
}

CAF_TEST(an_answer_of_too_many_values_is_refused) {
  std::string bytes = "*2000000000\r\n";
  for (std::size_t i = 1; i < answer_reader::most_values; ++i)
    bytes += ":1\r\n";
  CAF_CHECK_EQUAL(read(bytes).error, "");
  CAF_CHECK_EQUAL(read(bytes + ":1\r\n").error, "the answer is too large");
}

CAF_TEST(an_answer_of_too_many_bytes_is_refused) {
  const std::string start = "$100000000\r\n";
  const std::string most(answer_reader::most_bytes - start.size(), 'x');
  CAF_CHECK_EQUAL(read(start + most).error, "");
  CAF_CHECK_EQUAL(read(start + most + "x").error, "the answer is too large");
}

CAF_TEST(the_limits_count_for_one_answer_not_for_all) {
  const auto one = resp::text(std::string(answer_reader::most_bytes / 2, 'x'));
  const auto result = read(one + one + one);
  CAF_CHECK_EQUAL(result.error, "");
  CAF_CHECK_EQUAL(result.answers.size(), 3u);
}
