// Replays against a model: channel, subscriber and sessions under random
// interleavings of publishing, joining, leaving, resuming, slow clients, kills,
// losses of Redis and channels that are left. Every client sees each message
// once and in order, or a gap in its place, a replay is called complete exactly
// if it is, and every client learns the last word.
#include "actors/channel_groups.hpp"
#include "actors/io_actor.hpp"
#include "actors/session_replay.hpp"
#include "actors/subscriber.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/payloads.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace status2::actors;
using namespace std::chrono_literals;
using status2::transport::frame_block;
using status2::transport::frame_ptr;

namespace {

/// The texts of the frames in `block`.
std::vector<std::string> texts_of(const frame_block& block) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < block.bytes.size();) {
    std::size_t header = 2;
    std::size_t length = static_cast<unsigned char>(block.bytes[at + 1]);
    if (length == 126) {
      header = 4;
      length = static_cast<unsigned char>(block.bytes[at + 2]) * 256U +
               static_cast<unsigned char>(block.bytes[at + 3]);
    }
    texts.push_back(block.bytes.substr(at + header, length));
    at += header + length;
  }
  return texts;
}

/// Messages that are last words: the reference of the patterns below.
bool is_last_word(std::uint64_t message) {
  return message % 50 == 0;
}
const std::vector<std::string> last_words{"*00 *", "*50 *"};

/// What one client may see: the reference. Messages are numbered as they were
/// published, lost ones included.
class witness {
 public:
  /// A client that has nothing.
  witness() = default;
  /// The same client when it comes back.
  witness back() const {
    witness result;
    result.last_ = std::max(last_, resumes_from_);
    result.gap_ = gap_ && !resumes_from_;
    result.word_ = word_;
    return result;
  }
  /// A client whose id the channel does not know: it must be told of a gap.
  static witness stranger() {
    witness result;
    result.unknown_ = true;
    return result;
  }

  void see(const std::string& text) {
    const auto frame = boost::json::parse(text).as_object();
    const std::string type(frame.at("type").as_string());
    if (const auto* id = frame.if_contains("id")) {
      last_id = id->as_string().c_str();
      resumes_from_.reset();
    }
    if (type == "gap") {
      gap_ = true;
      complete_ = false;
    } else if (type == "resumed") {
      CAF_CHECK(!live);
      live = true;
      CAF_CHECK_EQUAL(frame.at("complete").as_bool(), complete_);
      CAF_CHECK_EQUAL(frame.at("replayed").as_int64(), count_);
      CAF_CHECK_GREATER_OR_EQUAL(word_, word_at_join);
    } else {
      CAF_REQUIRE_EQUAL(type, "status");
      const auto message =
          std::strtoull(frame.at("data").as_string().c_str(), nullptr, 10);
      if (frame.contains("latched"))
        take_last_word(message);
      else
        take(message);
    }
  }

  bool live = false;
  std::string last_id;
  /// The last word when the client joined; 0: there was none. It must have come
  /// before the replay ends.
  std::uint64_t word_at_join = 0;
  /// The client was away while the channel was left twice: the broker cannot
  /// know that it has the last word.
  bool long_away = false;
  std::size_t latched = 0;  ///< messages in front of the replay
  std::uint64_t word() const { return word_; }
  /// The last message; nothing if none is known.
  const std::optional<std::uint64_t>& last() const { return last_; }

 private:
  /// Messages before it and behind it may be missing without a gap.
  void take_last_word(std::uint64_t message) {
    CAF_CHECK(!live);
    CAF_CHECK(is_last_word(message));
    CAF_CHECK(message > std::max(word_, last_.value_or(0)) || long_away);
    ++latched;
    ++count_;
    word_ = std::max(word_, message);
    front_ = message;
    resumes_from_ = message;
  }
  void take(std::uint64_t message) {
    CAF_CHECK_GREATER(message, front_);
    if (is_last_word(message)) {
      CAF_CHECK_GREATER(message, word_);
      word_ = message;
    }
    // A client without a message may begin anywhere.
    if (last_) {
      CAF_CHECK_GREATER(message, *last_);
      CAF_CHECK(message == *last_ + 1 || gap_);
    } else if (unknown_ && !live) {
      CAF_CHECK(gap_);
    }
    last_ = message;
    gap_ = false;
    if (!live) ++count_;
  }

  std::optional<std::uint64_t> last_;
  /// A last word whose id is the newest: a replay from there goes on behind it.
  std::optional<std::uint64_t> resumes_from_;
  std::uint64_t word_ = 0;
  std::uint64_t front_ = 0;  ///< the last word in front of this replay
  bool gap_ = false;         ///< since the last message
  bool unknown_ = false;
  bool complete_ = true;
  std::int64_t count_ = 0;
};

/// A client whose socket takes everything, or nothing for a while.
struct client final : status2::transport::frame_sink {
  explicit client(witness what) : sees(std::move(what)) {}
  void deliver(const frame_block& block) noexcept override {
    for (const auto& text : texts_of(block))
      sees.see(text);
  }
  void enqueue(const frame_block& block) noexcept override { deliver(block); }
  bool offer(const frame_ptr& block) noexcept override {
    deliver(*block);
    waits = slow;
    return !waits;
  }
  bool wants_gaps() const override { return true; }

  witness sees;
  bool slow = false;
  bool waits = false;
  caf::actor session;
};

struct model : status2::support::actor_fixture {
  explicit model(unsigned seed) : random(seed) { open(); }
  void open() {
    viewers = *sys.groups().get(channel_groups::module_name, channel);
    group().gaps().served_by(link);
    tail = std::make_shared<channel_tail>(tails);
    epochs.push_back(tail->epoch());
    start_subscriber();
  }
  /// The broker leaves the channel behind its last viewer, and a new one comes.
  void reopen() {
    while (!clients.empty())
      leave();
    self->send_exit(subscriber, caf::exit_reason::kill);
    while (alive(subscriber))
      run_somebody();
    latches.leave(channel, tail->epoch(), sys.clock().now());
    channel_groups::of(sys).forget(channel);
    open();
  }
  channel_group& group() { return channel_group::of(viewers); }
  bool one_in(unsigned n) { return random() % n == 0; }

  /// Lets one actor, any of those that have mail, handle its next turn.
  void run_somebody() {
    if (sched.jobs.empty()) return;
    std::swap(sched.jobs.front(), sched.jobs[random() % sched.jobs.size()]);
    const auto before = tail->last();
    sched.run_once();
    tail->for_each(before, [this](const channel_tail::entry& entry) {
      if (entry.gap != nullptr) return true;
      const auto message = std::stoull(std::string(entry.payload));
      if (is_last_word(message)) word = message;
      return true;
    });
  }
  void run_all() {
    while (!sched.jobs.empty())
      run_somebody();
  }

  void start_subscriber() {
    subscriber = own(spawn_unbound<subscriber_state>(
        sys, subscriber_spec{.viewers = viewers,
                             .counters = &counters,
                             .tail = tail,
                             .latches = &latches}));
    if (connected) say_live({});
  }
  void say_live(std::optional<std::chrono::steady_clock::time_point> since) {
    self->send(subscriber, channel_state{true, since,
                                         since ? group().gaps().sent(*since)
                                               : group().gaps().sent()});
  }
  void publish() {
    std::vector<std::string> texts;
    for (auto left = 1 + random() % 3; left > 0; --left)
      texts.push_back(std::to_string(++published) + ' ' + padding);
    if (!connected) return;  // lost
    auto batch = status2::support::payloads(texts);
    auto read = std::make_shared<status2::redis::reply_batch>(*batch.read);
    read->complete_until = sys.clock().now();
    batch.read = std::move(read);
    batch.number = group().gaps().sent();
    self->send(subscriber, batch);
    link->forwarded_until = sys.clock().now();
  }
  void lose_redis() {
    if (!connected) return;
    connected = false;
    lost_since = sys.clock().now();
    self->send(subscriber, channel_state{false, lost_since,
                                         group().gaps().sent(lost_since)});
  }
  void find_redis() {
    if (connected) return;
    connected = true;
    say_live(lost_since);
  }
  void kill_subscriber() {
    self->send_exit(subscriber, caf::exit_reason::kill);
    // Messages that wait for it die with it.
    while (alive(subscriber))
      run_somebody();
    group().gaps().subscriber_died();
    start_subscriber();
  }
  static bool alive(const caf::actor& who) {
    return !caf::actor_cast<caf::abstract_actor*>(who)->getf(
        caf::abstract_actor::is_terminated_flag);
  }

  void join(status2::transport::replay_request wanted, witness sees) {
    clients.push_back(std::make_unique<client>(std::move(sees)));
    auto& added = *clients.back();
    added.slow = one_in(3);
    added.sees.word_at_join = word;
    status2::transport::watch_options options;
    options.replay = std::move(wanted);
    added.session =
        own(sys.spawn([this, &added, options](
                          caf::event_based_actor* actor) -> caf::behavior {
          auto replay =
              std::make_shared<session_replay>(actor, viewers, options, added);
          actor->join(viewers);
          replay->begin();
          return {
              [replay](const frame_message& m) {
                if (m.block->kind == status2::transport::encoding::numbered)
                  replay->sink().deliver(*m.block);
              },
              [replay](channel_live) { replay->on_live(); },
              [replay](const replay_part& part) { replay->on_part(part); },
              [replay](session_emptied) { replay->on_emptied(); },
          };
        }));
  }
  /// A new client, or one that left and comes back.
  void join() {
    if (!gone.empty() && !one_in(4)) {
      const auto i = random() % gone.size();
      const auto before = gone[i];
      gone.erase(gone.begin() + static_cast<std::ptrdiff_t>(i));
      auto sees = before.back();
      sees.long_away = std::none_of(
          epochs.end() - std::min<std::ptrdiff_t>(2, std::ssize(epochs)),
          epochs.end(), [&](const std::string& epoch) {
            return before.last_id.starts_with(epoch + ".");
          });
      join({before.last_id, {}}, sees);
    } else if (one_in(4)) {
      join({"not an id", {}}, witness::stranger());
    } else {
      join({{}, random() % 8}, witness());
    }
  }
  void leave() {
    if (clients.empty()) return;
    const auto i = random() % clients.size();
    auto& leaving = *clients[i];
    self->send_exit(leaving.session, caf::exit_reason::kill);
    while (alive(leaving.session))
      run_somebody();
    latched += leaving.sees.latched;
    if (!leaving.sees.last_id.empty()) gone.push_back(leaving.sees);
    clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i));
  }
  /// A socket takes what waits for it.
  void empty_one() {
    if (clients.empty()) return;
    auto& one = *clients[random() % clients.size()];
    if (std::exchange(one.waits, false))
      caf::anon_send(one.session, session_emptied{});
  }

  void step() {
    switch (random() % 40) {
      case 0:
        lose_redis();
        break;
      case 1:
      case 2:
        find_redis();
        break;
      case 3:
        if (one_in(5)) kill_subscriber();
        if (one_in(25)) reopen();
        break;
      case 4:
      case 5:
        if (clients.size() < 6) join();
        break;
      case 6:
        leave();
        break;
      case 7:
      case 8:
      case 9:
      case 10:
        publish();
        break;
      case 11:
        advance_time(1ms);
        break;
      case 12:
      case 13:
      case 14:
        empty_one();
        break;
      default:
        run_somebody();
    }
  }
  /// Everything arrives: every client is live and has the newest message.
  void settle() {
    find_redis();
    for (auto& one : clients)
      one->slow = false;
    for (int rounds = 0; rounds < 100; ++rounds) {
      run_all();
      for (auto& one : clients)
        if (std::exchange(one->waits, false))
          caf::anon_send(one->session, session_emptied{});
    }
    publish();
    run_all();
    for (const auto& one : clients) {
      CAF_CHECK_EQUAL(one->sees.word(), word);
      CAF_CHECK(one->sees.live);
      CAF_CHECK(one->sees.last() == published);
    }
  }

  std::minstd_rand random;
  broker_counters counters;
  // Small, so that clients are overtaken.
  tail_store tails{{.messages = 24}, counters};
  latch_store latches{{.patterns = last_words}, counters};
  const std::string channel = "run:a";
  std::shared_ptr<channel_tail> tail;
  std::vector<std::string> epochs;  ///< of the channel
  std::uint64_t word = 0;   ///< the last one that the broker has; 0: none
  std::size_t latched = 0;  ///< last words in front of replays
  std::shared_ptr<link_progress> link = std::make_shared<link_progress>();
  caf::group viewers;
  caf::actor subscriber;
  bool connected = false;
  std::chrono::steady_clock::time_point lost_since{};
  std::uint64_t published = 0;
  std::string padding;  ///< of each message
  std::vector<std::unique_ptr<client>> clients;
  std::vector<witness> gone;
};

}  // namespace

CAF_TEST(replays_meet_the_live_messages_without_a_hole_or_a_double) {
  constexpr unsigned worlds = 50;
  constexpr int steps = 2000;
  std::int64_t complete = 0;
  std::int64_t incomplete = 0;
  std::size_t latched = 0;
  for (unsigned seed = 1; seed <= worlds; ++seed) {
    model world(seed);
    // A replay of several parts, so that clients are overtaken.
    if (seed % 10 == 0) world.padding.assign(7000, 'x');
    for (int i = 0; i < steps; ++i)
      world.step();
    world.settle();
    complete += world.counters.replays_complete;
    incomplete += world.counters.replays_incomplete;
    latched += world.latched;
  }
  // Neither answer is rare.
  CAF_CHECK_GREATER(complete, 500);
  CAF_CHECK_GREATER(incomplete, 500);
  CAF_CHECK_GREATER(latched, 500u);
}
