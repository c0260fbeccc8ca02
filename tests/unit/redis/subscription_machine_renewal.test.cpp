// A change of settings: who serves what, and that nothing is lost or doubled.
#include "redis/subscription_machine.hpp"
#include "tests/support/scripted_reply.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;
using status2::support::add_reply;

namespace {

using texts = std::vector<std::string>;

/// Notes served messages as `a=1` and the actions of a change as short texts.
struct script {
  script() { take(machine.start(now)); }

  script& says(link_id link, const texts& said) {
    reply_batch batch;
    for (const auto& text : said)
      add_reply(batch, text);
    batch.read_at = now += 1ms;
    batch.drained = true;
    bool serve = false;
    take(machine.read(link, batch, now, serve));
    if (serve) deliver(batch);
    return *this;
  }
  void deliver(const reply_batch& batch) {
    for (const auto& reply : batch.replies)
      if (reply.kind == reply_kind::message && batch.first(reply) != "m")
        log.push_back(std::string(batch.first(reply)) + "=" +
                      std::string(batch.payload(reply)));
  }
  script& take(const std::vector<action>& actions) {
    for (const auto& one : actions) {
      const auto number = std::to_string(one.link);
      switch (one.kind) {
        case action_kind::open:
          log.push_back("open " + number + (one.renewed ? " anew" : ""));
          break;
        case action_kind::close:
          log.push_back("close " + number);
          break;
        case action_kind::deliver:
          deliver(one.batch);
          break;
        case action_kind::mark:
          log.push_back("mark " + one.text);
          break;
        case action_kind::cannot_mark:
          log.emplace_back("cannot mark");
          break;
        case action_kind::renewed:
          log.push_back("renewed " + number);
          break;
        case action_kind::renewal_failed:
          log.push_back("failed: " + one.text);
          wait = one.wait;
          break;
        case action_kind::missed:
        case action_kind::not_live:
        case action_kind::interrupted:
          log.emplace_back("gap");
          break;
        default:
          break;
      }
    }
    return *this;
  }
  script& want(const texts& names) { return take(machine.want(names, now)); }
  script& opened(link_id link) { return take(machine.opened(link, now)); }
  script& closed(link_id link, const std::string& error = "gone") {
    return take(machine.closed(link, error, failure_kind::unreachable, now));
  }
  script& tick_due() {
    now = std::max(now, machine.next_tick());
    return take(machine.tick(now));
  }
  texts seen() { return std::exchange(log, {}); }

  /// The first connection serves `a`; the second has been opened.
  script& serving() {
    want({"a"}).opened(1).says(1, {"+a"});
    take(machine.renew("m", now));
    seen();
    return *this;
  }
  /// Both are subscribed, and the marker is to be published.
  script& marking() {
    serving().opened(2).says(2, {"+a", "+m"}).says(1, {"+m"});
    return *this;
  }

  machine_settings settings{};
  subscription_machine::time_point now{1h};
  subscription_machine machine{settings, [] { return 0.5; }};
  texts log;
  std::chrono::nanoseconds wait{0};
};

}  // namespace

CAF_TEST(the second connection is opened with the new settings) {
  script s;
  s.want({"a"}).opened(1).says(1, {"+a"}).seen();
  s.take(s.machine.renew("m", s.now));
  CAF_CHECK_EQUAL(s.seen(), texts{"open 2 anew"});
}

CAF_TEST(a marker that comes on the first at last separates the two) {
  script s;
  s.marking();
  CAF_CHECK_EQUAL(s.seen(), texts{"mark 1"});
  s.says(2, {"a=1", "a=2"}).says(1, {"a=1"});
  CAF_CHECK_EQUAL(s.seen(), texts{"a=1"});
  s.says(2, {"m=1", "a=3"}).says(2, {"a=4"});
  CAF_CHECK_EQUAL(s.seen(), texts{});
  s.says(1, {"a=2", "m=1", "a=3"});
  CAF_CHECK_EQUAL(s.seen(),
                  (texts{"a=2", "close 1", "renewed 2", "a=3", "a=4"}));
  s.says(2, {"a=5"});
  CAF_CHECK_EQUAL(s.seen(), texts{"a=5"});
}

CAF_TEST(a marker that comes on the second at last separates them as well) {
  script s;
  s.marking().seen();
  s.says(1, {"a=1", "m=1", "a=2"}).says(1, {"a=3"});
  CAF_CHECK_EQUAL(s.seen(), texts{"a=1"});
  s.says(2, {"a=1", "m=1", "a=2"});
  CAF_CHECK_EQUAL(s.seen(), (texts{"close 1", "renewed 2", "a=2"}));
  s.says(2, {"a=3"});
  CAF_CHECK_EQUAL(s.seen(), texts{"a=3"});
}

CAF_TEST(an answer without a marker before it is that of another Redis) {
  script s;
  s.marking().seen();
  s.says(2, {"a=x", "m=1", "a=y"});
  s.says(1, {"a=1", "pong"});
  CAF_CHECK_EQUAL(s.seen(),
                  (texts{"a=1", "close 1", "renewed 2", "a=x", "a=y"}));
}

CAF_TEST(a channel that is wanted meanwhile needs another marker) {
  script s;
  s.marking().seen();
  s.says(1, {"m=1", "a=1"});
  CAF_CHECK_EQUAL(s.seen(), texts{});
  s.want({"b"});
  CAF_CHECK_EQUAL(s.seen(), texts{"a=1"});
  s.says(2, {"m=1", "a=1", "+b"}).says(1, {"+b"});
  CAF_CHECK_EQUAL(s.seen(), texts{"mark 2"});
  s.says(2, {"b=2", "m=2", "b=3"}).says(1, {"b=2", "m=2", "b=3"});
  CAF_CHECK_EQUAL(s.seen(), (texts{"b=2", "close 1", "renewed 2", "b=3"}));
}

CAF_TEST(a second that fails leaves the first and is tried again) {
  script s;
  s.serving().closed(2, "WRONGPASS").says(1, {"a=1"});
  CAF_CHECK_EQUAL(s.seen(), (texts{"failed: WRONGPASS", "a=1"}));
  CAF_CHECK(s.wait > 0s);
  while (s.log.empty())
    s.tick_due();
  CAF_CHECK_EQUAL(s.seen(), texts{"open 3 anew"});
}

CAF_TEST(a second that may not hear a channel does not take over) {
  script s;
  s.serving().opened(2).says(1, {"+m"}).says(2, {"!NOPERM a", "+m"});
  CAF_CHECK_EQUAL(s.seen(), (texts{"close 2", "failed: NOPERM a"}));
  s.says(1, {"a=1"});
  CAF_CHECK_EQUAL(s.seen(), texts{"a=1"});
  CAF_CHECK_EQUAL(s.machine.refused_count(), 0u);
}

CAF_TEST(a marker that never comes leaves the first with all that it read) {
  script s;
  s.marking().seen();
  s.says(1, {"m=1", "a=1"});
  for (int i = 0; i < 9 && s.log.empty(); ++i)
    s.tick_due().says(1, {"pong"}).says(2, {"pong"});
  CAF_CHECK_EQUAL(s.seen(), (texts{"a=1", "close 2",
                                   "failed: the marker did not come back"}));
}

CAF_TEST(a first that is lost is replaced with the new settings first) {
  script s;
  s.marking().seen();
  s.says(1, {"m=1", "a=1"}).closed(1);
  CAF_CHECK_EQUAL(s.seen(), (texts{"a=1", "close 2", "gap", "gap"}));
  while (s.log.empty())
    s.tick_due();
  CAF_CHECK_EQUAL(s.seen(), texts{"open 3 anew"});
  s.closed(3);
  while (s.log.empty())
    s.tick_due();
  CAF_CHECK_EQUAL(s.seen(), texts{"open 4"});
  s.closed(4);
  while (s.log.empty())
    s.tick_due();
  CAF_CHECK_EQUAL(s.seen(), texts{"open 5 anew"});
  s.opened(5).says(5, {"+a"});
  CAF_CHECK_EQUAL(s.seen(), texts{"renewed 5"});
}

CAF_TEST(without a marker the settings count from the next connection on) {
  script s;
  s.serving().opened(2).says(2, {"+a", "!NOPERM m"}).says(1, {"!NOPERM m"});
  CAF_CHECK_EQUAL(s.seen(), texts{"cannot mark"});
  s.take(s.machine.without_marker(false, s.now));
  CAF_CHECK_EQUAL(s.seen(), (texts{"close 2", "renewed 0"}));
  s.says(1, {"a=1"});
  CAF_CHECK_EQUAL(s.seen(), texts{"a=1"});
}

CAF_TEST(without a marker another address takes over with all it has read) {
  script s;
  s.serving().opened(2).says(2, {"+a", "a=x", "!NOPERM m"});
  s.says(1, {"!NOPERM m"}).seen();
  s.take(s.machine.without_marker(true, s.now));
  CAF_CHECK_EQUAL(s.seen(), (texts{"close 1", "renewed 2", "a=x"}));
}

CAF_TEST(a change that is changed again begins anew) {
  script s;
  s.marking().seen();
  s.take(s.machine.renew("n", s.now));
  CAF_CHECK_EQUAL(s.seen(), (texts{"close 2", "open 3 anew"}));
}
