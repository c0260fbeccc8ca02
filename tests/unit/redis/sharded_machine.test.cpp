#include "redis/sharded_machine.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using namespace status2::redis;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

const endpoint left{.host = "left"};
const endpoint right{.host = "right"};
const endpoint spare{.host = "spare"};

/// Slots below 8192 are at `low`, the others at `high`.
cluster_topology halves_at(const endpoint& low, const endpoint& high) {
  return {.ranges = {{0, 8191, low}, {8192, 16383, high}},
          .nodes = {low, high}};
}

// Their slots are 15495 and 3300.
const std::string high_channel = "a";
const std::string low_channel = "b";

/// Actions as short texts, such as `open left` or `subscribe left b`: nodes
/// stand in place of link numbers.
struct script {
  script() { take(machine.start(now)); }

  script& map(const cluster_topology& topology) {
    return take(machine.mapped(topology, {}, now));
  }
  script& want(const lines& names) { return take(machine.want(names, now)); }
  script& opened(const endpoint& where) {
    return take(machine.opened(links.at(where), now));
  }
  script& lost(const endpoint& where) {
    return take(machine.closed(links.at(where), "gone",
                               failure_kind::unreachable, now));
  }
  script& says(const endpoint& where, reply_kind kind,
               const std::string& text) {
    reply_batch batch;
    batch.bytes = text;
    batch.read_at = now;
    batch.drained = true;
    reply_batch::reply reply;
    reply.kind = kind;
    reply.first_size = static_cast<std::uint32_t>(text.size());
    batch.replies.push_back(reply);
    return take(machine.read(links.at(where), batch, now, served));
  }
  script& pass(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end;) {
      now = std::min(end, std::max(machine.next_tick(), now + 1ms));
      take(machine.tick(now));
    }
    return *this;
  }
  lines seen() { return std::exchange(log, {}); }

  script& take(const std::vector<action>& actions) {
    static const std::map<action_kind, std::string> names{
        {action_kind::open, "open"},
        {action_kind::close, "close"},
        {action_kind::subscribe, "subscribe"},
        {action_kind::unsubscribe, "unsubscribe"},
        {action_kind::live, "live"},
        {action_kind::not_live, "not_live"},
        {action_kind::established, "established"},
        {action_kind::interrupted, "interrupted"},
        {action_kind::failed, "failed"},
        {action_kind::surfaced, "surfaced"},
        {action_kind::topology, "topology"}};
    for (const auto& one : actions) {
      if (one.where) links[*one.where] = one.link;
      const auto name = names.find(one.kind);
      if (name == names.end()) continue;
      auto text = name->second;
      for (const auto& [where, link] : links)
        if (one.link != 0 && link == one.link) text += " " + where.host;
      for (const auto& channel : one.channels)
        text += " " + channel;
      if (one.kind == action_kind::not_live) CAF_CHECK(one.since);
      log.push_back(text);
    }
    return *this;
  }

  /// Both halves are served, with a channel each.
  script& serve() {
    want({high_channel, low_channel}).map(halves_at(left, right));
    opened(left).opened(right);
    says(left, reply_kind::subscribed, low_channel);
    says(right, reply_kind::subscribed, high_channel);
    seen();
    return *this;
  }

  sharded_machine::time_point now{1h};
  sharded_machine machine{
      {.request_timeout = 1h, .retry = {1s, 30s}, .max_retries = 3},
      [] { return 0.5; }};
  std::map<endpoint, link_id> links;
  bool served = false;
  lines log;
};

bool contains(const lines& all, std::string_view line) {
  return std::find(all.begin(), all.end(), line) != all.end();
}

}  // namespace

CAF_TEST(each_channel_is_subscribed_at_the_master_of_its_slot) {
  script s;
  CAF_CHECK_EQUAL(s.want({high_channel, low_channel}).seen(),
                  (lines{"topology"}));
  CAF_CHECK_EQUAL(s.map(halves_at(left, right)).seen(),
                  (lines{"open left", "open right"}));
  CAF_CHECK_EQUAL(s.opened(left).seen(), (lines{"subscribe left b"}));
  CAF_CHECK_EQUAL(s.opened(right).seen(), (lines{"subscribe right a"}));
  CAF_CHECK_EQUAL(s.says(left, reply_kind::subscribed, "b").seen(),
                  (lines{"live left b"}));
  CAF_CHECK_EQUAL(s.says(right, reply_kind::subscribed, "a").seen(),
                  (lines{"live right a", "established"}));
  CAF_CHECK(s.served);
  CAF_CHECK(s.machine.live("a") && s.machine.live("b"));
}

CAF_TEST(channels_of_several_slots_go_out_in_commands_of_their_own) {
  script s;
  s.want({"a", "c", "{a}x"}).map(halves_at(left, left)).seen();
  auto commands = s.opened(left).seen();
  std::sort(commands.begin(), commands.end());
  CAF_REQUIRE_EQUAL(commands.size(), 2u);
  CAF_CHECK_EQUAL(commands[1], "subscribe left c");
  CAF_CHECK(commands[0] == "subscribe left a {a}x" ||
            commands[0] == "subscribe left {a}x a");
}

CAF_TEST(a_slot_that_moves_takes_its_channels_along_and_the_gap_is_known) {
  script s;
  s.serve();
  s.pass(1s).seen();
  // Redis ends the subscription by itself; the topology tells the rest.
  CAF_CHECK_EQUAL(s.says(left, reply_kind::unsubscribed, "b").seen(),
                  (lines{"not_live left b"}));
  CAF_CHECK(contains(s.pass(1ms).seen(), "topology"));
  CAF_CHECK_EQUAL(s.map(halves_at(right, right)).seen(),
                  (lines{"subscribe right b", "close left"}));
  CAF_CHECK_EQUAL(s.says(right, reply_kind::subscribed, "b").seen(),
                  (lines{"live right b"}));
}

CAF_TEST(a_slot_that_moved_without_a_word_is_found_by_the_next_topology) {
  script s;
  s.serve();
  CAF_CHECK(!contains(s.pass(29s).seen(), "topology"));
  CAF_CHECK(contains(s.pass(1s).seen(), "topology"));
  const auto seen = s.map(halves_at(right, right)).seen();
  CAF_CHECK(contains(seen, "not_live b"));
  CAF_CHECK(contains(seen, "subscribe right b"));
}

CAF_TEST(moved_is_no_refusal_but_a_reason_to_read_the_topology) {
  script s;
  s.want({"b"}).map(halves_at(left, right)).opened(left).opened(right);
  s.seen();
  s.says(left, reply_kind::error, "MOVED 3300 right:6379");
  CAF_CHECK_EQUAL(s.machine.refused_count(), 0u);
  CAF_CHECK(contains(s.pass(100ms).seen(), "topology"));
  const auto seen = s.map(halves_at(right, right)).seen();
  CAF_CHECK(contains(seen, "subscribe right b"));
}

CAF_TEST(a_node_that_keeps_its_slot_is_asked_again) {
  script s;
  s.serve();
  s.pass(1s).says(left, reply_kind::unsubscribed, "b").pass(1ms).seen();
  CAF_CHECK_EQUAL(s.map(halves_at(left, right)).seen(),
                  (lines{"subscribe left b"}));
}

CAF_TEST(a_lost_node_is_an_interruption_until_another_one_has_its_slots) {
  script s;
  s.serve();
  s.pass(1s).seen();
  auto seen = s.lost(left).seen();
  CAF_CHECK(contains(seen, "not_live b"));
  CAF_CHECK(contains(seen, "interrupted"));
  CAF_CHECK(s.machine.live("a"));
  CAF_CHECK(contains(s.pass(100ms).seen(), "topology"));
  seen = s.map(halves_at(spare, right)).seen();
  CAF_CHECK(contains(seen, "open spare"));
  CAF_CHECK(contains(seen, "close left"));
  s.opened(spare).seen();
  CAF_CHECK_EQUAL(s.says(spare, reply_kind::subscribed, "b").seen(),
                  (lines{"live spare b", "established"}));
}

CAF_TEST(without_a_topology_attempts_go_on_and_are_surfaced) {
  script s;
  s.seen();
  for (int i = 1; i <= 4; ++i) {
    s.take(s.machine.mapped({}, "nobody answers", s.now));
    const auto seen = s.seen();
    CAF_CHECK(contains(seen, "failed"));
    CAF_CHECK_EQUAL(contains(seen, "surfaced"), i == 3);
    CAF_CHECK(contains(s.pass(250ms).seen(), "topology"));
  }
}

CAF_TEST(a_channel_without_a_master_waits_for_one) {
  script s;
  const cluster_topology part{.ranges = {{8192, 16383, right}},
                              .nodes = {right}};
  s.want({"a", "b"}).map(part).opened(right);
  s.says(right, reply_kind::subscribed, "a").seen();
  CAF_CHECK(!s.machine.live("b"));
  CAF_CHECK(contains(s.map(halves_at(left, right)).seen(), "open left"));
  CAF_CHECK(contains(s.opened(left).seen(), "subscribe left b"));
}
