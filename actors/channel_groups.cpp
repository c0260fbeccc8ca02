#include "actors/channel_groups.hpp"

#include "actors/io_actor.hpp"
#include "actors/messages.hpp"
#include "actors/prefetch.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/group_manager.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/sec.hpp>

#include <algorithm>
#include <ctime>
#include <utility>

namespace status2::actors {

namespace {

io_actor* bound_with_sink(const caf::actor_control_block* who) {
  auto* actor = dynamic_cast<io_actor*>(
      const_cast<caf::actor_control_block*>(who)->get());
  return actor != nullptr && actor->sink() != nullptr ? actor : nullptr;
}

/// Of the running thread. What others do meanwhile does not count.
std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} +
         std::chrono::nanoseconds{time.tv_nsec};
}

/// What deliver() touches first.
void fetch(const transport::frame_sink* sink) {
  prefetch_bytes(sink, 192);
}

}  // namespace

channel_group::channel_group(caf::group_module& module, std::string id,
                             std::size_t threads)
    : caf::abstract_group(module, std::move(id), module.system().node()),
      by_thread_(threads),
      unbound_(std::make_shared<const unbound_members>()) {}

channel_group::~channel_group() = default;

bool channel_group::subscribe(caf::strong_actor_ptr who) {
  if (io_actor* actor = bound_with_sink(who.get())) {
    auto& here = by_thread_[actor->thread().index()];
    actor->group_slot_ = here.members.size();
    here.members.push_back({actor, actor->sink(), std::move(who)});
    here.thread.store(&actor->thread(), std::memory_order_release);
    here.size.store(here.members.size(), std::memory_order_release);
    return true;
  }
  std::lock_guard guard{unbound_mutex_};
  if (std::find(unbound_->begin(), unbound_->end(), who) != unbound_->end())
    return false;
  auto next = std::make_shared<unbound_members>(*unbound_);
  next->push_back(std::move(who));
  unbound_ = std::move(next);
  unbound_size_.store(unbound_->size(), std::memory_order_release);
  return true;
}

void channel_group::unsubscribe(const caf::actor_control_block* who) {
  if (io_actor* actor = bound_with_sink(who)) {
    auto& here = by_thread_[actor->thread().index()];
    auto slot = actor->group_slot_;
    if (slot >= here.members.size() || here.members[slot].actor != actor)
      return;
    // The last member takes the free place; the array stays flat.
    std::swap(here.members[slot], here.members.back());
    here.members[slot].actor->group_slot_ = slot;
    auto leaving = std::move(here.members.back());
    here.members.pop_back();
    here.size.store(here.members.size(), std::memory_order_release);
    return;
  }
  std::lock_guard guard{unbound_mutex_};
  auto next = std::make_shared<unbound_members>(*unbound_);
  std::erase_if(*next, [&](auto& x) { return x.get() == who; });
  unbound_ = std::move(next);
  unbound_size_.store(unbound_->size(), std::memory_order_release);
}

void channel_group::enqueue(caf::strong_actor_ptr sender, caf::message_id,
                            caf::message content, caf::execution_unit* unit) {
  transport::frame_ptr frame;
  if (content.match_elements<frame_message>())
    frame = content.get_as<frame_message>(0).block;
  for (auto& there : by_thread_) {
    if (there.size.load(std::memory_order_acquire) == 0) continue;
    io_thread::hand_over(*there.thread.load(std::memory_order_acquire),
                         {this, frame, frame ? caf::message{} : content});
  }
  if (unbound_size_.load(std::memory_order_acquire) == 0) return;
  std::shared_ptr<const unbound_members> unbound;
  {
    std::lock_guard guard{unbound_mutex_};
    unbound = unbound_;
  }
  for (auto& member : *unbound)
    member->enqueue(sender, caf::make_message_id(), content, unit);
}

void channel_group::prefetch() const {
  prefetch_bytes(this, sizeof(*this));
}

void channel_group::prefetch_members() const {
  prefetch_bytes(by_thread_.data(), by_thread_.size() * sizeof(thread_members));
}

void channel_group::prefetch_sink(const io_thread& thread) const {
  const auto& here = by_thread_[thread.index()];
  prefetch_bytes(here.tally.get(), sizeof(*here.tally));
  if (!here.members.empty()) fetch(here.members.front().sink);
}

bool channel_group::gather(const io_thread& thread, delivery& item) {
  // Beyond this a send costs by its bytes, and copying would double them.
  constexpr std::size_t most_bytes = 65536;
  auto& here = by_thread_[thread.index()];
  __builtin_prefetch(here.members.data());
  auto* const last = std::exchange(here.last_frames, nullptr);
  // What is no frame, or not for all, keeps its place among the frames.
  if (!item.frame || item.frame->gap) return false;
  if (last == nullptr ||
      last->frame->bytes.size() + item.frame->bytes.size() > most_bytes) {
    here.last_frames = &item;
    here.gathered = nullptr;
    return false;
  }
  if (!here.gathered) {
    here.gathered = std::make_shared<transport::frame_block>();
    here.gathered->bytes = last->frame->bytes;
    here.gathered->messages = last->frame->messages;
    last->frame = here.gathered;
  }
  here.gathered->bytes += item.frame->bytes;
  here.gathered->messages += item.frame->messages;
  here.last_frames = last;
  return true;
}

void channel_group::end_gathering(const io_thread& thread) {
  auto& here = by_thread_[thread.index()];
  here.last_frames = nullptr;
  here.gathered = nullptr;
}

void channel_group::deliver_here(io_thread& thread, delivery& item) {
  auto& members = by_thread_[thread.index()].members;
  if (item.frame) return deliver_frames(thread, *item.frame);
  for (auto& member : members)
    member.keep_alive->enqueue(nullptr, caf::make_message_id(), item.content,
                               &thread);
}

void channel_group::deliver_frames(io_thread& thread,
                                   const transport::frame_block& block) {
  constexpr std::size_t many = 512;
  const auto& members = by_thread_[thread.index()].members;
  const bool timed = thread.index() == home && members.size() >= many;
  const auto start = timed ? time_point::clock::now() : time_point{};
  const auto before = timed ? processor_time() : std::chrono::nanoseconds{0};
  const bool all = !block.gap;
  for (std::size_t i = 0; i < members.size(); ++i) {
    // Thousands of sessions do not fit into the cache.
    constexpr std::size_t ahead = 8;
    if (i + ahead < members.size()) fetch(members[i + ahead].sink);
    if (all || members[i].sink->wants_gaps()) members[i].sink->deliver(block);
  }
  if (!timed) return;
  thread.loop().sender().flush();
  last_fan_out({start, processor_time() - before, block.messages});
}

std::optional<channel_group::gap_start> channel_group::revive() {
  live_.store(true, std::memory_order_release);
  return std::exchange(gap_, std::nullopt);
}

void channel_group::interrupt(gap_start start) {
  if (live_.exchange(false, std::memory_order_acq_rel)) gap_ = start;
}

channel_group::deliveries channel_group::tally() const {
  deliveries all;
  for (const auto& there : by_thread_) {
    all.due += there.tally->due.value();
    all.sent += there.tally->sent.value();
    all.discarded += there.tally->discarded.value();
    all.waiting += there.tally->waiting.value();
  }
  return all;
}

std::size_t channel_group::size() const {
  auto all = unbound_size_.load(std::memory_order_acquire);
  for (auto& there : by_thread_)
    all += there.size.load(std::memory_order_acquire);
  return all;
}

caf::error channel_group::save(caf::serializer&) const {
  return caf::sec::runtime_error;  // a channel's group never leaves the process
}

channel_group& channel_group::of(const caf::group& group) {
  return static_cast<channel_group&>(*group.get());
}

channel_groups::channel_groups(caf::actor_system& system, std::size_t threads)
    : caf::group_module(system, module_name), threads_(threads) {}

channel_groups::~channel_groups() = default;

caf::expected<caf::group> channel_groups::get(const std::string& name) {
  std::lock_guard guard{mutex_};
  auto& entry = groups_[name];
  if (!entry)
    entry = caf::group{caf::make_counted<channel_group>(*this, name, threads_)};
  return entry;
}

void channel_groups::forget(const std::string& name) {
  caf::group last;
  std::lock_guard guard{mutex_};
  if (auto i = groups_.find(name); i != groups_.end()) {
    last = std::move(i->second);
    groups_.erase(i);
  }
}

std::size_t channel_groups::size() const {
  std::lock_guard guard{mutex_};
  return groups_.size();
}

std::size_t channel_groups::viewers(const std::string& name) const {
  std::lock_guard guard{mutex_};
  auto i = groups_.find(name);
  return i == groups_.end() ? 0 : channel_group::of(i->second).size();
}

caf::error channel_groups::load(caf::deserializer&, caf::group&) {
  return caf::sec::runtime_error;
}

void channel_groups::stop() {
  std::lock_guard guard{mutex_};
  groups_.clear();
}

channel_groups& channel_groups::of(caf::actor_system& system) {
  return static_cast<channel_groups&>(*system.groups().get_module(module_name));
}

}  // namespace status2::actors
