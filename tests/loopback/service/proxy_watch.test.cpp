// Rounds of lookups, with a resolver of the test's own.
#include "service/proxy_watch.hpp"

#include "tests/support/loop_fixture.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <caf/test/unit_test.hpp>

#include <map>

using namespace status2;
using namespace status2::service;
using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using boost::system::error_code;

namespace {

struct fixture : support::loop_fixture {
  /// Answers from `table`; a name that is not in it does not exist. Names in
  /// `silent` get no answer.
  name_lookup lookup() {
    return [this](const std::string& name, auto answer) {
      ++lookups;
      if (silent.contains(name)) {
        unanswered.push_back(answer);
        return;
      }
      boost::asio::post(loop, [this, name, answer] {
        const auto found = table.find(name);
        if (found == table.end())
          answer(boost::asio::error::host_not_found, {});
        else
          answer({}, {make_address(found->second)});
      });
    };
  }

  std::shared_ptr<proxy_watch> watch(const std::vector<std::string>& items) {
    proxy_watch_events events;
    events.found = [this](const std::string& name, const auto&) {
      found.push_back(name);
    };
    events.unresolved = [this](const std::string& name, const error_code&) {
      unresolved.push_back(name);
    };
    made = std::make_shared<proxy_watch>(loop, items, lookup(), events,
                                         proxy_watch_settings{2ms, 1ms});
    return made;
  }
  ~fixture() {
    if (made) made->stop();
    loop.restart();
    loop.poll();
  }

  bool trusted(const char* address) const {
    return last.trusts({make_address(address), 1});
  }
  void follow(proxy_watch& watched) {
    watched.on_change([this](const transport::proxy_set& now) { last = now; });
  }

  std::map<std::string, std::string> table;
  std::set<std::string> silent;
  std::vector<
      std::function<void(const error_code&, std::set<transport::address>)>>
      unanswered;
  std::size_t lookups = 0;
  std::vector<std::string> found;
  std::vector<std::string> unresolved;
  transport::proxy_set last;
  std::shared_ptr<proxy_watch> made;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(proxy_watch_tests, fixture)

CAF_TEST(without_names_nothing_is_looked_up) {
  const auto watched = watch({"10.0.0.0/8"});
  bool over = false;
  watched->start([&] { over = true; });
  CAF_CHECK(over);
  CAF_CHECK_EQUAL(lookups, 0u);
  follow(*watched);
  CAF_CHECK(trusted("10.0.0.1"));
}

CAF_TEST(the_first_round_ends_when_every_name_has_an_answer) {
  table["proxy"] = "192.0.2.1";
  const auto watched = watch({"proxy", "missing"});
  bool over = false;
  watched->start([&] { over = true; });
  CAF_CHECK(!over);
  CAF_CHECK(runs_until([&] { return over; }));
  CAF_CHECK_EQUAL(found, std::vector<std::string>{"proxy"});
  CAF_CHECK_EQUAL(unresolved, std::vector<std::string>{"missing"});
  follow(*watched);
  CAF_CHECK(trusted("192.0.2.1"));
  CAF_CHECK(!trusted("192.0.2.2"));
}

CAF_TEST(a_proxy_that_starts_moves_and_ends_is_followed) {
  const auto watched = watch({"proxy"});
  watched->start([] {});
  follow(*watched);
  CAF_CHECK(runs_until([&] { return lookups >= 3; }));
  CAF_CHECK(!trusted("192.0.2.1"));
  CAF_CHECK_EQUAL(unresolved.size(), 1u);
  table["proxy"] = "192.0.2.1";
  CAF_CHECK(runs_until([&] { return trusted("192.0.2.1"); }));
  table["proxy"] = "192.0.2.2";
  CAF_CHECK(runs_until([&] { return trusted("192.0.2.2"); }));
  CAF_CHECK(!trusted("192.0.2.1"));
  table.clear();
  CAF_CHECK(runs_until([&] { return !trusted("192.0.2.2"); }));
  CAF_CHECK_EQUAL(unresolved.size(), 2u);
  CAF_CHECK_EQUAL(found.size(), 2u);
}

CAF_TEST(a_lookup_without_an_answer_holds_up_no_other_name) {
  table["proxy"] = "192.0.2.1";
  silent.insert("slow");
  const auto watched = watch({"slow", "proxy"});
  bool over = false;
  watched->start([&] { over = true; });
  follow(*watched);
  CAF_CHECK(runs_until([&] { return trusted("192.0.2.1"); }));
  CAF_CHECK(!over);
  // The next round waits for this one: lookups do not pile up.
  CAF_CHECK_EQUAL(lookups, 2u);
  unanswered.front()({}, {make_address("192.0.2.9")});
  CAF_CHECK(over);
  CAF_CHECK(trusted("192.0.2.9"));
}

CAF_TEST(after_stop_no_round_begins) {
  table["proxy"] = "192.0.2.1";
  const auto watched = watch({"proxy"});
  watched->start([] {});
  CAF_CHECK(runs_until([&] { return lookups >= 2; }));
  watched->stop();
  loop.restart();
  loop.run();  // which returns: no timer is left
  const auto before = lookups;
  loop.restart();
  loop.run();
  CAF_CHECK_EQUAL(lookups, before);
}

CAF_TEST(the_system_knows_localhost) {
  bool answered = false;
  const auto lookup = system_lookup(loop);
  lookup("localhost", [&](const error_code& error, const auto& addresses) {
    CAF_CHECK(!error);
    CAF_CHECK(!addresses.empty());
    for (const auto& address : addresses)
      CAF_CHECK(address.is_loopback());
    answered = true;
  });
  CAF_CHECK(runs_until([&] { return answered; }));
}

CAF_TEST_FIXTURE_SCOPE_END()
