// Ids of messages: what is written is read again, and nothing else is read.
#include "transport/message_id.hpp"

#include <caf/test/unit_test.hpp>

#include <limits>
#include <set>
#include <string>

using namespace status2::transport;

namespace {

std::string written(std::string_view epoch, std::uint64_t number) {
  std::string out = "id=";
  append_message_id(out, epoch, number);
  return out.substr(3);
}

}  // namespace

CAF_TEST(an_id_is_an_epoch_and_a_number) {
  CAF_CHECK_EQUAL(make_epoch("abc", 7), "abc-7");
  CAF_CHECK_EQUAL(written("abc-7", 42), "abc-7.42");
}

CAF_TEST(what_is_written_is_read_again) {
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{1},
        std::numeric_limits<std::uint64_t>::max()}) {
    const auto text = written("abc-7", number);
    const auto id = parse_message_id(text);
    CAF_REQUIRE(id.has_value());
    CAF_CHECK_EQUAL(std::string(id->epoch), "abc-7");
    CAF_CHECK_EQUAL(id->number, number);
  }
}

CAF_TEST(nothing_else_is_an_id) {
  const std::string long_epoch(70, 'a');
  for (const std::string& text :
       {std::string(), std::string("."), std::string("abc-7"),
        std::string("abc-7."), std::string(".7"), std::string("abc-7.x"),
        std::string("abc-7.7 "), std::string("abc-7.-7"),
        std::string("abc-7.+7"), std::string("abc-7.18446744073709551616"),
        std::string("a b.7"), std::string("a\"b.7"), std::string("a\n.7"),
        std::string("a\0b.7", 5), std::string("a.b.7"), long_epoch + ".7"})
    CAF_CHECK(!parse_message_id(text));
}

CAF_TEST(epochs_of_one_run_of_a_broker_share_their_instance) {
  CAF_CHECK(same_instance("abc-7", "abc-8"));
  CAF_CHECK(!same_instance("abc-7", "abd-7"));
  CAF_CHECK(!same_instance("ab-7", "abc-7"));
}

CAF_TEST(instances_differ_and_fit_into_an_id) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto instance = random_instance();
    CAF_CHECK(parse_message_id(written(make_epoch(instance, 1), 1)));
    seen.insert(instance);
  }
  CAF_CHECK_EQUAL(seen.size(), 1000u);
}
