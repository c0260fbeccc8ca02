#include "redis/dialer.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/full_listener.hpp"
#include "tests/support/name_table.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;
using status2::support::eventually;
using status2::support::free_port;
using status2::support::full_listener;
using status2::support::name_table;
using status2::support::temporary_directory;

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using clock_type = std::chrono::steady_clock;

dialed_address address(const std::string& text, std::uint16_t port = 6379) {
  return tcp::endpoint(asio::ip::make_address(text), port);
}

/// What a dial reported.
struct report {
  std::optional<dialed_socket> socket;
  endpoint where;
  std::string error;
  std::vector<std::string> unanswered;
  std::vector<clock_type::time_point> times;  ///< of `unanswered`
  clock_type::time_point end;

  bool over() const { return socket.has_value() || !error.empty(); }
  std::string remote() const {
    const auto peer = socket->remote_endpoint();
    tcp::endpoint copy;
    copy.resize(peer.size());
    std::copy_n(static_cast<const char*>(static_cast<const void*>(peer.data())),
                peer.size(),
                static_cast<char*>(static_cast<void*>(copy.data())));
    return copy.address().to_string();
  }
};

/// A listening socket that accepts nothing: the kernel completes connections.
struct listener {
  explicit listener(asio::io_context& loop, const std::string& host,
                    std::uint16_t port = 0)
      : acceptor(loop, tcp::endpoint(asio::ip::make_address(host), port)) {}
  std::uint16_t port() const { return acceptor.local_endpoint().port(); }
  tcp::acceptor acceptor;
};

struct fixture {
  ~fixture() {
    if (under_way) under_way->cancel();
    runs_until([this] { return held.expired(); });
  }

  dial_events events() {
    // What an owner would put into its handlers, to see when they are gone.
    const auto owner = std::make_shared<int>();
    held = owner;
    return {[this, owner](dialed_socket socket, const endpoint& where) {
              CAF_CHECK(!inside);
              seen.socket.emplace(std::move(socket));
              seen.where = where;
              seen.end = clock_type::now();
            },
            [this, owner](const std::string& error) {
              CAF_CHECK(!inside);
              seen.error = error;
              seen.end = clock_type::now();
            },
            [this, owner](const std::string& error) {
              CAF_CHECK(!inside);
              seen.unanswered.push_back(error);
              seen.times.push_back(clock_type::now());
              on_unanswered();
            }};
  }
  void start(const std::vector<endpoint>& endpoints) {
    inside = true;
    begun = clock_type::now();
    under_way = dial(loop, endpoints, settings, events());
    inside = false;
  }
  /// Dials to the end.
  void run(const std::vector<endpoint>& endpoints) {
    start(endpoints);
    CAF_REQUIRE(runs_until([this] { return seen.over(); }));
  }
  template <class Condition>
  bool runs_until(Condition condition, std::chrono::nanoseconds wait = 20s) {
    return eventually(wait, [&] {
      loop.restart();
      loop.run_for(1ms);
      return condition();
    });
  }
  /// Nothing holds the handlers, and so their owner, any more.
  bool lets_go() {
    under_way.reset();
    return runs_until([this] { return held.expired(); });
  }

  asio::io_context loop{1};
  name_table names;
  dial_settings settings{.timeout = 30s};
  report seen;
  std::function<void()> on_unanswered = [] {};
  std::shared_ptr<dialer> under_way;
  std::weak_ptr<int> held;
  clock_type::time_point begun;
  bool inside = false;
};

}  // namespace

CAF_TEST(the_families_take_turns_and_ipv6_begins) {
  const std::vector<dialed_address> given{
      address("127.0.0.1"), address("127.0.0.2"), address("127.0.0.3"),
      address("::1"), address("::2")};
  const std::vector<dialed_address> expected{
      address("::1"), address("127.0.0.1"), address("::2"),
      address("127.0.0.2"), address("127.0.0.3")};
  CAF_CHECK(in_race_order(given) == expected);
  CAF_CHECK(in_race_order({}).empty());
}

CAF_TEST_FIXTURE_SCOPE(dialer_tests, fixture)

CAF_TEST(an_address_is_connected_to) {
  listener there(loop, "127.0.0.1");
  run({{"127.0.0.1", there.port()}});
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.remote(), "127.0.0.1");
  CAF_CHECK(seen.where == (endpoint{"127.0.0.1", there.port()}));
  CAF_CHECK(lets_go());
}

CAF_TEST(a_refused_address_goes_on_to_the_next_at_once) {
  listener there(loop, "127.0.0.1");
  names.set("two.test", {"127.0.0.2", "127.0.0.1"});
  run({{"two.test", there.port()}});
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.remote(), "127.0.0.1");
  CAF_CHECK_EQUAL(seen.unanswered,
                  std::vector<std::string>{"Connection refused"});
}

CAF_TEST(an_address_that_drops_packets_holds_the_next_up_for_250_ms) {
  listener there(loop, "127.0.0.1");
  const full_listener dead("127.0.0.2", there.port());
  names.set("two.test", {"127.0.0.2", "127.0.0.1"});
  run({{"two.test", there.port()}});
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.remote(), "127.0.0.1");
  CAF_CHECK(seen.end - begun >= 250ms);
  // The first one had not failed yet.
  CAF_CHECK(seen.unanswered.empty());
  CAF_CHECK(lets_go());
}

CAF_TEST(a_slow_first_address_may_still_win) {
  full_listener slow("127.0.0.2");
  const full_listener dead("127.0.0.3", slow.port());
  names.set("two.test", {"127.0.0.2", "127.0.0.3"});
  start({{"two.test", slow.port()}});
  CAF_REQUIRE(runs_until([&] { return clock_type::now() - begun > 300ms; }));
  CAF_CHECK(!seen.over());
  slow.make_room();
  CAF_REQUIRE(runs_until([this] { return seen.over(); }));
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.remote(), "127.0.0.2");
}

CAF_TEST(ipv6_is_tried_before_ipv4) {
  listener v4(loop, "127.0.0.1");
  listener v6(loop, "::1", v4.port());
  names.set("both.test", {"127.0.0.1", "::1"});
  run({{"both.test", v4.port()}});
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.remote(), "::1");
}

CAF_TEST(each_address_has_its_own_deadline) {
  const full_listener dead("127.0.0.2");
  const full_listener dead_too("127.0.0.3", dead.port());
  names.set("two.test", {"127.0.0.2", "127.0.0.3"});
  settings.timeout = 600ms;
  run({{"two.test", dead.port()}});
  CAF_CHECK_EQUAL(seen.error, "no answer in time");
  CAF_CHECK_EQUAL(seen.unanswered.size(), 2u);
  // The second one began 250 ms after the first one.
  CAF_CHECK(seen.end - begun >= 850ms);
  CAF_CHECK(lets_go());
}

CAF_TEST(a_dial_without_knocking_fails_after_one_round_with_the_last_error) {
  const full_listener dead("127.0.0.2");
  names.set("two.test", {"127.0.0.2", "127.0.0.1"});
  settings.timeout = 1s;
  run({{"two.test", dead.port()}});
  CAF_CHECK_EQUAL(seen.error, seen.unanswered.back());
  std::sort(seen.unanswered.begin(), seen.unanswered.end());
  CAF_CHECK_EQUAL(
      seen.unanswered,
      (std::vector<std::string>{"Connection refused", "no answer in time"}));
}

CAF_TEST(an_unknown_name_is_an_error) {
  names.set("unknown.test", {});
  for (const bool knocks : {false, true}) {
    seen = {};
    settings.knocks = knocks;
    run({{"unknown.test", 6379}});
    CAF_CHECK(seen.error.find("not found") != std::string::npos);
    CAF_CHECK(lets_go());
  }
}

CAF_TEST(without_endpoints_a_dial_fails) {
  run({});
  CAF_CHECK(!seen.error.empty());
}

CAF_TEST(a_knock_connects_soon_after_somebody_listens) {
  const auto port = free_port();
  settings.knocks = true;
  start({{"127.0.0.1", port}});
  CAF_REQUIRE(runs_until([this] { return seen.unanswered.size() >= 20; }));
  const auto knocks = seen.unanswered.size();
  listener there(loop, "127.0.0.1", port);
  CAF_REQUIRE(runs_until([this] { return seen.over(); }));
  CAF_CHECK(seen.socket.has_value());
  // The first knock that could succeed did; others were under way.
  CAF_CHECK_LESS_OR_EQUAL(seen.unanswered.size(), knocks + 2);
}

CAF_TEST(no_second_has_more_than_30_knocks) {
  // As many addresses as a name may have, on two dials of one owner.
  names.set("three.test", {"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  settings.knocks = true;
  const auto port = free_port();
  const auto before = clock_type::now();
  const auto second = dial(loop, {{"three.test", port}}, settings, events());
  start({{"three.test", port}});
  CAF_REQUIRE(runs_until([this] { return seen.times.size() >= 100; }));
  second->cancel();
  // After the burst of 5, 95 knocks take 40 ms each.
  CAF_CHECK(seen.times[99] - before >= 95 * 40ms);
}

CAF_TEST(a_knock_ends_when_its_last_address_had_its_time) {
  settings.knocks = true;
  settings.timeout = 300ms;
  run({{"127.0.0.1", free_port()}});
  CAF_CHECK_EQUAL(seen.error, "Connection refused");
  CAF_CHECK(seen.end - begun >= 300ms);
  CAF_CHECK(lets_go());
}

CAF_TEST(a_knock_uses_known_addresses_while_a_lookup_hangs) {
  listener there(loop, "127.0.0.1");
  names.set("redis.test", {"127.0.0.1"});
  settings.knocks = true;
  const endpoint redis{"redis.test", there.port()};
  run({redis});
  CAF_REQUIRE(seen.socket);
  seen = {};
  names.hang("redis.test");
  run({redis});
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.remote(), "127.0.0.1");
}

CAF_TEST(new_addresses_of_a_name_are_tried_at_once) {
  const auto port = free_port();
  names.set("redis.test", {"127.0.0.2"});
  settings.knocks = true;
  settings.timeout = 500ms;
  const endpoint redis{"redis.test", port};
  run({redis});
  CAF_CHECK_EQUAL(seen.error, "Connection refused");
  seen = {};
  listener there(loop, "127.0.0.1", port);
  names.set("redis.test", {"127.0.0.1"});
  run({redis});
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.remote(), "127.0.0.1");
}

CAF_TEST(a_lookup_that_hangs_ends_in_time) {
  names.hang("hung.test");
  settings.timeout = 300ms;
  run({{"hung.test", 6379}});
  CAF_CHECK_EQUAL(seen.error, "no answer in time");
  CAF_CHECK(seen.end - begun >= 300ms);
  // Its thread must end before the loop does.
  names.set("hung.test", {});
  CAF_CHECK(lets_go());
}

CAF_TEST(the_first_endpoint_is_preferred_though_its_name_is_resolved_later) {
  listener first(loop, "127.0.0.1");
  listener second(loop, "127.0.0.1");
  names.set("first.test", {"127.0.0.1"});
  const endpoint named{"first.test", first.port()};
  for (int i = 0; i < 20; ++i) {
    seen = {};
    run({named, {"127.0.0.1", second.port()}});
    CAF_REQUIRE(seen.socket);
    // A lookup that takes longer on a busy machine is not waited for.
    CAF_CHECK(seen.where == named || seen.end - begun >= 250ms);
  }
}

CAF_TEST(a_lookup_that_hangs_holds_other_endpoints_up_for_250_ms) {
  listener second(loop, "127.0.0.1");
  names.hang("hung.test");
  run({{"hung.test", 6379}, {"127.0.0.1", second.port()}});
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.where.host, "127.0.0.1");
  CAF_CHECK(seen.end - begun >= 250ms);
  names.set("hung.test", {});
  CAF_CHECK(lets_go());
}

CAF_TEST(a_cancelled_dial_says_nothing_and_lets_its_owner_go) {
  const full_listener dead("127.0.0.2");
  start({{"127.0.0.2", dead.port()}});
  loop.run_for(20ms);
  under_way->cancel();
  CAF_CHECK(lets_go());
  CAF_CHECK(!seen.over());
  CAF_CHECK(seen.unanswered.empty());
}

CAF_TEST(a_dial_that_is_cancelled_at_once_says_nothing) {
  listener there(loop, "127.0.0.1");
  start({{"127.0.0.1", there.port()}});
  under_way->cancel();
  CAF_CHECK(lets_go());
  CAF_CHECK(!seen.over());
}

CAF_TEST(an_owner_may_cancel_while_it_hears_of_a_failure) {
  settings.knocks = true;
  on_unanswered = [this] { under_way->cancel(); };
  start({{"127.0.0.1", free_port()}});
  CAF_REQUIRE(runs_until([this] { return !seen.unanswered.empty(); }));
  CAF_CHECK(lets_go());
  CAF_CHECK_EQUAL(seen.unanswered.size(), 1u);
  CAF_CHECK(!seen.over());
}

CAF_TEST(a_loop_that_ends_takes_its_dials_along) {
  const full_listener dead("127.0.0.2");
  std::weak_ptr<int> owner;
  {
    asio::io_context other{1};
    const auto dialing =
        dial(other, {{"127.0.0.2", dead.port()}}, settings, events());
    owner = held;
    other.run_for(20ms);
  }
  CAF_CHECK(owner.expired());
}

CAF_TEST(a_unix_socket_is_connected_to) {
  temporary_directory directory;
  const auto path = directory.path() + "/redis.sock";
  const asio::local::stream_protocol::acceptor there(loop, path);
  run({{.host = {}, .unix_path = path}});
  CAF_REQUIRE(seen.socket);
  CAF_CHECK_EQUAL(seen.where.unix_path, path);
}

CAF_TEST(a_unix_socket_with_a_full_backlog_is_no_connection) {
  temporary_directory directory;
  const auto path = directory.path() + "/redis.sock";
  asio::local::stream_protocol::acceptor full(loop);
  full.open();
  full.bind(path);
  full.listen(0);
  asio::local::stream_protocol::socket filler(loop);
  filler.connect(path);
  run({{.host = {}, .unix_path = path}});
  CAF_CHECK_EQUAL(seen.error, "Resource temporarily unavailable");
}

CAF_TEST(a_unix_socket_that_is_not_there_is_an_error) {
  temporary_directory directory;
  run({{.host = {}, .unix_path = directory.path() + "/none.sock"}});
  CAF_CHECK_EQUAL(seen.error, "No such file or directory");
  seen = {};
  run({{.host = {}, .unix_path = "/" + std::string(200, 'x')}});
  CAF_CHECK_EQUAL(seen.error, "File name too long");
}

CAF_TEST_FIXTURE_SCOPE_END()
