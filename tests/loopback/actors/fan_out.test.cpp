#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/io_thread.hpp"
#include "actors/messages.hpp"
#include "actors/system_config.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/io_backend.hpp"

#include <boost/asio/post.hpp>
#include <caf/all.hpp>
#include <caf/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <future>
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
using status2::transport::encoding;
using status2::transport::frame_block;
using status2::transport::frame_ptr;

namespace {

frame_ptr block_of(std::string bytes, std::uint32_t messages = 1,
                   encoding kind = encoding::plain) {
  auto block = std::make_shared<frame_block>();
  block->kind = kind;
  block->bytes = std::move(bytes);
  block->messages = messages;
  return block;
}

/// Keeps what it is given, and on which thread.
struct recording_sink final : status2::transport::frame_sink {
  bool wants_gaps() const override { return gaps; }
  void deliver(const frame_block& block) noexcept override {
    wrong_thread |= io_thread::current() != home;
    bytes += block.bytes;
    ++sends;
    // Last: a reader that sees the count sees the rest.
    count.fetch_add(block.gap ? 1 : block.messages, std::memory_order_release);
  }
  bool offer(const status2::transport::frame_ptr& block) noexcept override {
    deliver(*block);
    return true;
  }
  void enqueue(const frame_block& block) noexcept override {
    ++enqueued;
    deliver(block);
  }
  io_thread* home = nullptr;
  std::size_t enqueued = 0;
  bool gaps = false;
  encoding kind = encoding::plain;
  bool wrong_thread = false;
  std::string bytes;
  std::size_t sends = 0;
  std::atomic<std::size_t> count{0};  ///< messages and gaps
};

struct member_state {
  static constexpr const char* name = "member";
  explicit member_state(caf::event_based_actor* selfptr) : self(selfptr) {}
  caf::behavior make_behavior(const caf::group& group, recording_sink* sink) {
    auto* bound = dynamic_cast<io_actor*>(self);
    sink->home = &bound->thread();
    bound->sink(sink, sink->kind);
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
      threads.push_back(
          std::make_unique<io_thread>(i, status2::support::io_backend()));
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
  void join(std::size_t thread, std::size_t how_many, bool gaps = false,
            encoding kind = encoding::plain) {
    for (std::size_t i = 0; i < how_many; ++i) {
      sinks.push_back(std::make_unique<recording_sink>());
      sinks.back()->gaps = gaps;
      sinks.back()->kind = kind;
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
      result.push_back(block_of(std::to_string(i) + " "));
    return result;
  }
  static std::string bytes_of(const std::vector<frame_ptr>& sent) {
    std::string all;
    for (const auto& block : sent)
      all += block->bytes;
    return all;
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

CAF_TEST(every_member_on_every_thread_gets_every_message_in_order) {
  join(0, 3);
  join(1, 5);
  join(2, 2);
  auto sent = blocks(1000);
  for (auto from = sent.begin(); from != sent.end(); from += 10)
    caf::anon_send(sender, send_these{{from, from + 10}});
  CAF_REQUIRE(all_have(1000));
  for (auto& sink : sinks) {
    CAF_CHECK(!sink->wrong_thread);
    CAF_CHECK_EQUAL(sink->bytes, bytes_of(sent));
  }
}

CAF_TEST(the_blocks_of_one_turn_reach_a_member_in_one_piece) {
  join(0, 1);
  join(1, 1);
  auto sent = blocks(500);
  caf::anon_send(sender, send_these{sent});
  CAF_REQUIRE(all_have(500));
  for (auto& sink : sinks) {
    CAF_CHECK_EQUAL(sink->sends, 1u);
    CAF_CHECK_EQUAL(sink->bytes, bytes_of(sent));
  }
  // Blocks are shared: what one piece was made of stays as it was.
  CAF_CHECK_EQUAL(sent[0]->bytes, "0 ");
}

CAF_TEST(a_large_block_goes_to_few_sockets_at_once) {
  constexpr std::size_t large = 1 << 20;
  join(0, 10);
  join(1, 3);
  const auto small = block_of("small");
  caf::anon_send(sender, send_these{{small}});
  CAF_REQUIRE(all_have(1));
  const auto enqueued = [&] {
    std::size_t all = 0;
    for (const auto& sink : sinks)
      all += sink->enqueued;
    return all;
  };
  CAF_CHECK_EQUAL(enqueued(), 0u);
  const auto block = block_of(std::string(large, 'x'));
  caf::anon_send(sender, send_these{{block, small}});
  CAF_REQUIRE(all_have(3));
  // 8 MB per thread and turn.
  CAF_CHECK_EQUAL(enqueued(), 2u);
  for (const auto& sink : sinks)
    CAF_CHECK(sink->bytes == "small" + block->bytes + "small");
}

CAF_TEST(blocks_too_large_to_gain_by_it_stay_apart) {
  constexpr std::size_t large = 40000;
  join(0, 1);
  const auto block = block_of(std::string(large, 'x'));
  caf::anon_send(sender, send_these{{block, block, block}});
  CAF_REQUIRE(all_have(3));
  CAF_CHECK_EQUAL(sinks[0]->sends, 3u);
  CAF_CHECK_EQUAL(sinks[0]->bytes.size(), 3 * large);
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
  auto gap = std::make_shared<frame_block>();
  gap->bytes = "gap ";
  gap->gap = true;
  caf::anon_send(sender, send_these{{sent[0], gap, sent[1]}});
  CAF_REQUIRE(eventually(
      5s, [&] { return sinks[0]->count == 3 && sinks[1]->count == 2; }));
  CAF_CHECK_EQUAL(sinks[0]->bytes, "0 gap 1 ");
  CAF_CHECK_EQUAL(sinks[1]->bytes, "0 1 ");
}

CAF_TEST(members_get_blocks_of_their_own_encoding_on_every_thread) {
  for (std::size_t thread = 0; thread < 3; ++thread)
    for (const auto kind : status2::transport::encodings)
      join(thread, 1 + thread, false, kind);
  const auto text_of = [](encoding kind) {
    return std::to_string(index_of(kind)) + " ";
  };
  std::vector<frame_ptr> sent;
  for (int i = 0; i < 100; ++i)
    for (const auto kind : status2::transport::encodings)
      sent.push_back(block_of(text_of(kind), 1, kind));
  caf::anon_send(sender, send_these{sent});
  CAF_REQUIRE(all_have(100));
  for (const auto& sink : sinks) {
    std::string expected;
    for (int i = 0; i < 100; ++i)
      expected += text_of(sink->kind);
    CAF_CHECK_EQUAL(sink->bytes, expected);
  }
  const auto& viewers = channel_group::of(group);
  for (const auto kind : status2::transport::encodings)
    CAF_CHECK_EQUAL(viewers.size(kind), 6u);
  for (const auto& member : members)
    caf::anon_send_exit(member, caf::exit_reason::kill);
  CAF_CHECK(eventually(5s, [&] { return viewers.size() == 0; }));
  for (const auto kind : status2::transport::encodings)
    CAF_CHECK_EQUAL(viewers.size(kind), 0u);
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
  CAF_CHECK_EQUAL(sinks[0]->bytes, bytes_of(sent));
  // A marker that all have now ends every sequence; a late member has the end
  // of the sequence, whole and in order.
  const auto marker = block_of("last", 10000);
  sent.push_back(marker);
  caf::anon_send(sender, send_these{{marker}});
  const auto all = bytes_of(sent);
  for (auto& sink : sinks) {
    CAF_REQUIRE(eventually(5s, [&] { return sink->count >= 10000; }));
    CAF_CHECK(all.ends_with(sink->bytes));
  }
}

CAF_TEST(what_a_fan_out_to_many_at_home_costs_is_noted) {
  // Read where it is written.
  const auto last = [&] {
    std::promise<channel_group::fan_out> noted;
    boost::asio::post(threads[0]->loop().context(), [&] {
      noted.set_value(channel_group::of(group).last_fan_out());
    });
    return noted.get_future().get();
  };
  join(0, 511);
  caf::anon_send(sender, send_these{{block_of("one")}});
  CAF_REQUIRE(all_have(1));
  CAF_CHECK_EQUAL(last().messages, 0u);
  join(0, 1);
  join(1, 600);  // elsewhere: counts for nothing
  caf::anon_send(sender, send_these{{block_of("two", 3)}});
  CAF_REQUIRE(all_have(3));
  CAF_CHECK_EQUAL(last().messages, 3u);
  CAF_CHECK(last().cost > 0ns && last().cost < 10s);
  CAF_CHECK(std::chrono::steady_clock::now() - last().start < 10s);
}

CAF_TEST_FIXTURE_SCOPE_END()
