// How fast a token may be guessed.
#include "service/guess_limit.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using status2::service::guess_limit;

namespace {

struct fixture {
  /// Whether a wrong token of `who` is looked at.
  bool guesses(const std::string& who) {
    const auto address = make_address(who);
    if (!limit.open_to(address, now)) return false;
    limit.failed(address, now);
    return true;
  }
  int guesses_of(const std::string& who, int tries) {
    int made = 0;
    for (int i = 0; i < tries; ++i)
      made += guesses(who) ? 1 : 0;
    return made;
  }

  guess_limit limit;
  guess_limit::time_point now{1h};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(guess_limit_tests, fixture)

CAF_TEST(an_address_has_five_guesses_and_one_a_second) {
  CAF_CHECK_EQUAL(guesses_of("10.0.0.1", 100), 5);
  now += 1s;
  CAF_CHECK_EQUAL(guesses_of("10.0.0.1", 100), 1);
  now += 1h;
  CAF_CHECK_EQUAL(guesses_of("10.0.0.1", 100), 5);
}

CAF_TEST(others_are_not_slowed_by_one_address) {
  guesses_of("10.0.0.1", 100);
  CAF_CHECK(guesses("10.0.0.2"));
}

CAF_TEST(a_network_of_ipv6_guesses_as_one_address) {
  CAF_CHECK_EQUAL(guesses_of("2001:db8::1", 3), 3);
  CAF_CHECK_EQUAL(guesses_of("2001:db8::2", 100), 2);
}

CAF_TEST(many_addresses_share_twenty_guesses_and_ten_a_second) {
  int made = 0;
  for (int i = 0; i < 100; ++i)
    made += guesses("10.0.1." + std::to_string(i)) ? 1 : 0;
  CAF_CHECK_EQUAL(made, 20);
  now += 1s;
  CAF_CHECK_EQUAL(guesses_of("10.0.2.1", 3) + guesses_of("10.0.2.2", 5) +
                      guesses_of("10.0.2.3", 5),
                  10);
}

CAF_TEST(a_crowd_of_addresses_is_not_remembered_without_end) {
  for (int i = 0; i < 5000; ++i) {
    guesses("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    now += 100ms;
  }
  CAF_CHECK(limit.kept() <= 1024u);
}

CAF_TEST(guesses_without_an_address_share_the_limit_for_all) {
  CAF_CHECK_EQUAL(guesses_of("0.0.0.0", 100), 20);
  CAF_CHECK_EQUAL(limit.kept(), 0u);
  now += 1s;
  CAF_CHECK_EQUAL(guesses_of("0.0.0.0", 100), 10);
}

CAF_TEST_FIXTURE_SCOPE_END()
