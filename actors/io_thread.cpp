#include "actors/io_thread.hpp"

#include "actors/channel_groups.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace status2::actors {

namespace {

thread_local io_thread* current_thread = nullptr;

// Messages an actor may handle before the next one gets its turn, and actors
// a turn may run before sockets are looked at again.
constexpr std::size_t messages_a_resume = 64;
constexpr std::size_t jobs_a_turn = 1024;

}  // namespace

io_thread::io_thread(std::size_t index, transport::io_backend backend)
    : loop_(index, backend) {
  loop_.sender().on_given_up(
      [this] { log_sender(log_event::batch_call_given_up); });
  loop_.on_stall(
      [this](std::chrono::nanoseconds length) { log_stall(length); });
}

void io_thread::log_sender(log_event event) {
  const auto& sender = loop_.sender();
  log(event, {{"backend", name_of(sender.backend())},
              {"call", sender.call_name()},
              {"error", sender.obstacle()}});
}

void io_thread::log_stall(std::chrono::nanoseconds length) {
  using std::chrono::milliseconds;
  const auto suppressed = stalls_.admit(std::chrono::steady_clock::now());
  if (!suppressed) return;
  const auto late = std::chrono::duration_cast<milliseconds>(length).count();
  log(log_event::io_stalled,
      {{"thread", static_cast<std::int64_t>(index())},
       {"late_ms", static_cast<std::int64_t>(late)},
       {"suppressed", static_cast<std::int64_t>(*suppressed)}});
}

io_thread::~io_thread() {
  stop();
}

io_thread* io_thread::current() {
  return current_thread;
}

void io_thread::start() {
  thread_ = std::thread([this] {
    current_thread = this;
    loop_.run();
    current_thread = nullptr;
  });
}

void io_thread::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void io_thread::exec_later(caf::resumable* ptr) {
  if (current() == this) {
    jobs_.push_back(ptr);
    schedule_turn();
  } else {
    post([ptr](inbox& box) { box.jobs.push_back(ptr); });
  }
}

void io_thread::hand_over(io_thread& target, delivery item) {
  io_thread* self = current();
  if (self == nullptr) {
    target.post([&](inbox& box) { box.deliveries.push_back(std::move(item)); });
    return;
  }
  self->schedule_turn();
  if (self == &target) {
    self->local_.push_back(std::move(item));
    return;
  }
  auto& lanes = self->outgoing_;
  auto lane = std::find_if(lanes.begin(), lanes.end(),
                           [&](auto& x) { return x.first == &target; });
  if (lane == lanes.end()) lane = lanes.insert(lanes.end(), {&target, {}});
  lane->second.push_back(std::move(item));
}

template <class Put>
void io_thread::post(Put put) {
  bool wake = false;
  {
    std::lock_guard guard{inbox_mutex_};
    wake = inbox_.empty();
    put(inbox_);
  }
  if (!wake) return;
  if (io_thread* self = current()) self->loop_.counters().wakes.add();
  boost::asio::post(loop_.context(), [this] { turn(); });
}

void io_thread::schedule_turn() {
  if (std::exchange(turn_scheduled_, true)) return;
  boost::asio::post(loop_.context(), [this] {
    turn_scheduled_ = false;
    turn();
  });
}

void io_thread::turn() {
  // What is sent meanwhile is part of this turn.
  const bool scheduled = std::exchange(turn_scheduled_, true);
  take_inbox();
  run_jobs();
  flush();
  turn_scheduled_ = scheduled;
  if (!jobs_.empty()) schedule_turn();
}

void io_thread::take_inbox() {
  inbox taken;
  {
    std::lock_guard guard{inbox_mutex_};
    std::swap(taken, inbox_);
  }
  jobs_.insert(jobs_.end(), taken.jobs.begin(), taken.jobs.end());
  receive(taken.deliveries);
}

void io_thread::run_jobs() {
  for (std::size_t n = 0; n < jobs_a_turn && !jobs_.empty(); ++n) {
    caf::resumable* job = jobs_.front();
    jobs_.pop_front();
    switch (job->resume(this, messages_a_resume)) {
      case caf::resumable::resume_later:
        jobs_.push_back(job);
        break;
      case caf::resumable::awaiting_message:
      case caf::resumable::done:
      case caf::resumable::shutdown_execution_unit:
        caf::intrusive_ptr_release(job);
    }
  }
}

void io_thread::flush() {
  for (auto& [target, items] : outgoing_) {
    if (items.empty()) continue;
    target->post([&items = items](inbox& box) {
      if (box.deliveries.empty())
        std::swap(box.deliveries, items);
      else
        std::move(items.begin(), items.end(),
                  std::back_inserter(box.deliveries));
    });
    items.clear();
  }
  // Sessions never send to a group from inside deliver(), so nothing is added
  // while this runs; what a generic member does comes in a later turn.
  receive(local_);
}

void io_thread::receive(std::vector<delivery>& items) {
  if (items.empty()) return;
  gather(items);
  for (auto& item : items)
    item.group->prefetch_sink(*this, item);
  for (auto& item : items)
    item.group->deliver_here(*this, item);
  loop_.sender().flush();
  items.clear();
}

void io_thread::gather(std::vector<delivery>& items) {
  if (items.size() < 2) return;
  std::vector<bool> done(items.size());
  for (std::size_t i = 0; i < items.size(); ++i)
    done[i] = items[i].group->gather(*this, items[i]);
  for (auto& item : items)
    item.group->end_gathering(*this);
  std::size_t i = 0;
  std::erase_if(items, [&](const auto&) { return done[i++]; });
}

}  // namespace status2::actors
