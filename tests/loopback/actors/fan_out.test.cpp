#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/io_thread.hpp"
#include "actors/messages.hpp"
#include "actors/system_config.hpp"
#include "tests/support/eventually.hpp"

#include <caf/all.hpp>
#include <caf/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace status2::support {
struct send_these {
  std::vector<status2::transport::frame_ptr> blocks;
};
}  // namespace status2::support
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(status2::support::send_these)

using namespace status2::actors;
using namespace std::chrono_literals;
using status2::support::eventually;
using status2::support::send_these;
using status2::transport::frame_block;
using status2::transport::frame_ptr;

namespace {

/// Keeps what it is given, and on which thread.
struct recording_sink final : status2::transport::frame_sink {
  recording_sink() { frames.reserve(10000); }  // read while it grows
  bool wants_gaps() const override { return gaps; }
  void deliver(const frame_block& block) noexcept override {
    wrong_thread |= io_thread::current() != home;
    frames.push_back(block.shared_from_this());
    count.fetch_add(1, std::memory_order_release);
  }
  io_thread* home = nullptr;
  bool gaps = false;
  bool wrong_thread = false;
  std::vector<frame_ptr> frames;
  std::atomic<std::size_t> count{0};
};

struct member_state {
  static constexpr const char* name = "member";
  explicit member_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(const caf::group& group, recording_sink* sink) {
    auto* bound = dynamic_cast<io_actor*>(self);
    sink->home = &bound->thread();
    bound->sink(sink);
    self->join(group);
    return {[this](channel_live) { ++lives; }};
  }
  caf::event_based_actor* self;
  int lives = 0;
};

/// Sends every block it gets to the group, as a subscriber does.
struct sender_state {
  static constexpr const char* name = "sender";
  explicit sender_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(const caf::group& group) {
    return {[this, group](const send_these& m) {
      for (auto& block : m.blocks)
        self->send(group, frame_message{block});
    }};
  }
  caf::event_based_actor* self;
};

struct fixture {
  fixture() {
    for (std::size_t i = 0; i < 3; ++i)
      threads.push_back(std::make_unique<io_thread>(i));
    for (auto& thread : threads) {
      thread->attach(system);
      thread->start();
    }
    group = *channel_groups::of(system).get("run:a");
    sender = spawn_bound<sender_state>(system, *threads[0], group);
  }
  ~fixture() {
    for (auto& actor : members)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    caf::anon_send_exit(sender, caf::exit_reason::kill);
    members.clear();
    sender = nullptr;
    system.await_all_actors_done();
    for (auto& thread : threads)
      thread->stop();
  }
  void join(std::size_t thread, std::size_t how_many, bool gaps = false) {
    for (std::size_t i = 0; i < how_many; ++i) {
      sinks.push_back(std::make_unique<recording_sink>());
      sinks.back()->gaps = gaps;
      members.push_back(spawn_bound<member_state>(system, *threads[thread],
                                                  group, sinks.back().get()));
    }
    auto wanted = sinks.size();
    CAF_REQUIRE(eventually(
        5s, [&] { return channel_group::of(group).size() == wanted; }));
  }
  std::vector<frame_ptr> blocks(std::size_t n) {
    std::vector<frame_ptr> result;
    for (std::size_t i = 0; i < n; ++i)
      result.push_back(
          std::make_shared<frame_block>(frame_block{std::to_string(i), 1}));
    return result;
  }
  bool all_have(std::size_t n) {
    return eventually(10s, [&] {
      for (auto& sink : sinks)
        if (sink->count.load(std::memory_order_acquire) < n) return false;
      return true;
    });
  }

  system_config config{3};
  std::vector<std::unique_ptr<io_thread>> threads;
  caf::actor_system system{config};
  caf::group group;
  caf::actor sender;
  std::vector<caf::actor> members;
  std::vector<std::unique_ptr<recording_sink>> sinks;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(fan_out_tests, fixture)

CAF_TEST(every_member_on_every_thread_gets_every_block_in_order) {
  join(0, 3);
  join(1, 5);
  join(2, 2);
  auto sent = blocks(1000);
  for (auto from = sent.begin(); from != sent.end(); from += 10)
    caf::anon_send(sender, send_these{{from, from + 10}});
  CAF_REQUIRE(all_have(1000));
  for (auto& sink : sinks) {
    CAF_CHECK(!sink->wrong_thread);
    CAF_CHECK(sink->frames == sent);
  }
}

CAF_TEST(one_turn_wakes_another_thread_once_however_much_it_sends) {
  join(1, 4);
  auto before = threads[0]->loop().counters().wakes.value();
  caf::anon_send(sender, send_these{blocks(500)});
  CAF_REQUIRE(all_have(500));
  auto wakes = threads[0]->loop().counters().wakes.value() - before;
  CAF_CHECK_EQUAL(wakes, 1);
}

CAF_TEST(a_gap_is_told_in_order_to_those_who_asked_and_to_nobody_else) {
  join(1, 1, true);
  join(1, 1);
  auto sent = blocks(2);
  auto gap = std::make_shared<frame_block>(frame_block{"gap", 0, true});
  caf::anon_send(sender, send_these{{sent[0], gap, sent[1]}});
  CAF_REQUIRE(eventually(
      5s, [&] { return sinks[0]->count == 3 && sinks[1]->count == 2; }));
  CAF_CHECK(sinks[0]->frames[1] == gap);
  CAF_CHECK(sinks[1]->frames == sent);
}

CAF_TEST(a_member_that_left_gets_nothing_and_the_others_go_on) {
  join(0, 2);
  join(1, 3);
  for (std::size_t i : {1u, 2u})
    caf::anon_send_exit(members[i], caf::exit_reason::kill);
  CAF_REQUIRE(
      eventually(5s, [&] { return channel_group::of(group).size() == 3; }));
  caf::anon_send(sender, send_these{blocks(5)});
  CAF_REQUIRE(eventually(5s, [&] {
    return sinks[0]->count == 5 && sinks[3]->count == 5 && sinks[4]->count == 5;
  }));
  CAF_CHECK_EQUAL(sinks[1]->count.load(), 0u);
  CAF_CHECK_EQUAL(sinks[2]->count.load(), 0u);
}

CAF_TEST(members_that_come_and_go_under_load_never_see_a_block_twice) {
  join(1, 1);
  auto sent = blocks(2000);
  std::size_t round = 0;
  for (auto from = sent.begin(); from != sent.end(); from += 50) {
    caf::anon_send(sender, send_these{{from, from + 50}});
    join(round++ % 3, 1);
  }
  CAF_REQUIRE(eventually(10s, [&] { return sinks[0]->count == 2000; }));
  CAF_CHECK(sinks[0]->frames == sent);
  // A marker that all have now ends every sequence; a late member has the end
  // of the sequence, whole and in order.
  auto marker = blocks(1);
  sent.push_back(marker[0]);
  caf::anon_send(sender, send_these{marker});
  for (auto& sink : sinks) {
    auto& got = sink->frames;
    CAF_REQUIRE(eventually(5s, [&] {
      auto n = sink->count.load(std::memory_order_acquire);
      return n > 0 && got[n - 1] == sent.back();
    }));
    CAF_CHECK(std::equal(got.rbegin(), got.rend(), sent.rbegin()));
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
