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
#include <cstdint>
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

/// How many sockets get `block` in one go. The loop sends a large block to the
/// others in its turns, between which it serves everybody else.
std::size_t sockets_at_once(const transport::frame_block& block) {
  constexpr std::size_t large = 65536;
  constexpr std::size_t most_bytes = 8388608;
  const auto size = block.bytes.size();
  return size < large ? SIZE_MAX : most_bytes / size;
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
    if (is_deflated(actor->kind()) && !here.deflated)
      here.deflated = std::make_unique<decltype(here.deflated)::element_type>();
    auto& readers = here.of(actor->kind());
    actor->group_slot_ = readers.members.size();
    readers.members.push_back({actor, actor->sink(), std::move(who)});
    here.thread.store(&actor->thread(), std::memory_order_release);
    count_members(here, actor->kind());
    return true;
  }
  std::lock_guard guard{mutex_};
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
    if (is_deflated(actor->kind()) && !here.deflated) return;
    auto& members = here.of(actor->kind()).members;
    auto slot = actor->group_slot_;
    if (slot >= members.size() || members[slot].actor != actor) return;
    // The last member takes the free place; the array stays flat.
    std::swap(members[slot], members.back());
    members[slot].actor->group_slot_ = slot;
    auto leaving = std::move(members.back());
    members.pop_back();
    count_members(here, actor->kind());
    return;
  }
  std::lock_guard guard{mutex_};
  auto next = std::make_shared<unbound_members>(*unbound_);
  std::erase_if(*next, [&](auto& x) { return x.get() == who; });
  unbound_ = std::move(next);
  unbound_size_.store(unbound_->size(), std::memory_order_release);
}

void channel_group::count_members(thread_members& here,
                                  transport::encoding changed) {
  here.sizes[index_of(changed)].store(
      static_cast<std::uint32_t>(here.of(changed).members.size()),
      std::memory_order_release);
}

channel_group::readers& channel_group::thread_members::of(
    transport::encoding kind) {
  const auto index = index_of(kind);
  return is_deflated(kind) ? (*deflated)[index - plain_kinds] : plain[index];
}

std::size_t channel_group::thread_members::size() const {
  std::size_t all = 0;
  for (const auto kind : transport::encodings)
    all += size(kind);
  return all;
}

caf::actor channel_group::subscriber() const {
  std::lock_guard guard{mutex_};
  return caf::actor_cast<caf::actor>(subscriber_);
}

void channel_group::subscriber(const caf::actor_addr& who) {
  std::lock_guard guard{mutex_};
  subscriber_ = who;
}

void channel_group::enqueue(caf::strong_actor_ptr sender, caf::message_id,
                            caf::message content, caf::execution_unit* unit) {
  transport::frame_ptr frame;
  if (content.match_elements<frame_message>())
    frame = content.get_as<frame_message>(0).block;
  for (auto& there : by_thread_) {
    if ((frame ? there.size(frame->kind) : there.size()) == 0) continue;
    io_thread::hand_over(*there.thread.load(std::memory_order_acquire),
                         {this, frame, frame ? caf::message{} : content});
  }
  if (unbound_size_.load(std::memory_order_acquire) == 0) return;
  std::shared_ptr<const unbound_members> unbound;
  {
    std::lock_guard guard{mutex_};
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

void channel_group::prefetch_sink(const io_thread& thread,
                                  const delivery& item) const {
  const auto& here = by_thread_[thread.index()];
  prefetch_bytes(here.tally.get(), sizeof(*here.tally));
  if (!item.frame) return;
  const auto& members = here.of(item.frame->kind).members;
  if (!members.empty()) fetch(members.front().sink);
}

bool channel_group::gather(const io_thread& thread, delivery& item) {
  // Beyond this a send costs by its bytes, and copying would double them.
  constexpr std::size_t most_bytes = 65536;
  auto& here = by_thread_[thread.index()];
  // Frames before and after any other message stay apart, to keep the order.
  if (!item.frame) {
    end_gathering(thread);
    return false;
  }
  auto& readers = here.of(item.frame->kind);
  __builtin_prefetch(readers.members.data());
  auto* const last = std::exchange(readers.last_frames, nullptr);
  // So do frames before and after a frame that not every member gets.
  if (item.frame->gap) return false;
  if (last == nullptr || item.frame->after_replay ||
      last->frame->bytes.size() + item.frame->bytes.size() > most_bytes) {
    readers.last_frames = &item;
    readers.gathered = nullptr;
    return false;
  }
  if (!readers.gathered) {
    readers.gathered = std::make_shared<transport::frame_block>();
    auto& gathered = *readers.gathered;
    gathered.kind = last->frame->kind;
    gathered.first_number = last->frame->first_number;
    gathered.bytes = last->frame->bytes;
    gathered.messages = last->frame->messages;
    last->frame = readers.gathered;
  }
  readers.gathered->bytes += item.frame->bytes;
  readers.gathered->messages += item.frame->messages;
  readers.last_frames = last;
  return true;
}

void channel_group::end_gathering(const io_thread& thread) {
  by_thread_[thread.index()].for_each([](readers& each) {
    each.last_frames = nullptr;
    each.gathered = nullptr;
  });
}

void channel_group::deliver_here(io_thread& thread, delivery& item) {
  if (item.frame) return deliver_frames(thread, *item.frame);
  by_thread_[thread.index()].for_each([&](readers& each) {
    for (auto& member : each.members)
      member.keep_alive->enqueue(nullptr, caf::make_message_id(), item.content,
                                 &thread);
  });
}

void channel_group::deliver_frames(io_thread& thread,
                                   const transport::frame_block& block) {
  constexpr std::size_t many = 512;
  const auto& members = by_thread_[thread.index()].of(block.kind).members;
  const bool timed = thread.index() == home && members.size() >= many;
  const auto start = timed ? time_point::clock::now() : time_point{};
  const auto before = timed ? processor_time() : std::chrono::nanoseconds{0};
  const bool all = !block.gap;
  const auto at_once = std::min(members.size(), sockets_at_once(block));
  for (std::size_t i = 0; i < at_once; ++i) {
    // Thousands of sessions do not fit into the cache.
    constexpr std::size_t ahead = 8;
    if (i + ahead < members.size()) fetch(members[i + ahead].sink);
    if (all || members[i].sink->wants_gaps()) members[i].sink->deliver(block);
  }
  for (std::size_t i = at_once; i < members.size(); ++i)
    members[i].sink->enqueue(block);
  if (!timed) return;
  thread.loop().sender().flush();
  last_fan_out({start, processor_time() - before, block.messages});
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

std::size_t channel_group::size(transport::encoding kind) const {
  auto all = unbound_size_.load(std::memory_order_acquire);
  for (auto& there : by_thread_)
    all += there.size(kind);
  return all;
}

std::size_t channel_group::size() const {
  auto all = unbound_size_.load(std::memory_order_acquire);
  for (auto& there : by_thread_)
    all += there.size();
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
