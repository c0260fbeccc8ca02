#include "compose/netem/emulator.hpp"

#include "compose/netem/failure.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace status2::netem {

namespace {

using std::chrono::steady_clock;

enum class source : std::uint32_t { packets, release, end };

int checked(int result, const char* what) {
  if (result < 0)
    throw failure(exit_code::failed,
                  std::string(what) + ": " + error_text(errno));
  return result;
}

int new_timer() {
  // steady_clock is CLOCK_MONOTONIC in libstdc++.
  return checked(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                 "timerfd_create");
}

void watch(const descriptor& epoll, int number, source what) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = static_cast<std::uint32_t>(what);
  checked(epoll_ctl(epoll.number(), EPOLL_CTL_ADD, number, &event),
          "epoll_ctl");
}

}  // namespace

emulator::emulator(nfqueue_socket& queue, int signals,
                   const link_settings& link)
    : queue_(queue),
      model_(link),
      release_timer_(new_timer()),
      end_timer_(new_timer()),
      epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
  watch(epoll_, queue_.descriptor_number(), source::packets);
  watch(epoll_, release_timer_.number(), source::release);
  watch(epoll_, end_timer_.number(), source::end);
  watch(epoll_, signals, source::end);
}

void emulator::run(std::optional<duration> run_for) {
  if (run_for) arm(end_timer_, steady_clock::now() + *run_for);
  while (!ended_) {
    release_due(steady_clock::now());
    queue_.flush();
    const std::optional<time_point> next = held_.next_due();
    if (next && next != armed_for_) arm(release_timer_, *next);
    armed_for_ = next;
    wait_for_event();
  }
}

void emulator::wait_for_event() {
  epoll_event events[4];
  const int count = epoll_wait(epoll_.number(), events, 4, -1);
  if (count < 0 && errno != EINTR) checked(count, "epoll_wait");
  for (int at = 0; at < count; ++at) {
    switch (static_cast<source>(events[at].data.u32)) {
      case source::packets:
        take_packets();
        break;
      case source::release: {
        // Read, or it stays ready; what is due is released by run().
        std::uint64_t expirations = 0;
        (void)!read(release_timer_.number(), &expirations, sizeof expirations);
        armed_for_.reset();
        break;
      }
      case source::end:
        ended_ = true;
        break;
    }
  }
}

// One batch: between two of them due packets leave.
void emulator::take_packets() {
  const time_point now = steady_clock::now();
  queue_.read_packets([this, now](std::uint32_t id) { hold(id, now); });
  counts_.held_max = std::max<std::uint64_t>(counts_.held_max, held_.size());
}

void emulator::hold(std::uint32_t id, time_point now) {
  ++counts_.packets;
  last_id_ = id;
  if (const std::optional<duration> delay = model_.next()) {
    held_.push({id, now, now + *delay});
  } else {
    ++counts_.dropped;
    queue_.decide(id, verdict::drop);
  }
}

void emulator::release_due(time_point now) {
  while (const std::optional<held_packet> packet = held_.pop_due(now)) {
    queue_.decide(packet->id, verdict::accept);
    counts_.delays.add(now - packet->arrived);
  }
}

void emulator::release_all() {
  release_due(steady_clock::now());
  counts_.released_early = held_.size();
  // Whatever is on its way from the kernel to us: not lost, not delayed.
  while (queue_.read_packets([this](std::uint32_t id) {
    last_id_ = id;
    ++counts_.packets;
    ++counts_.released_early;
  })) {
  }
  if (last_id_) queue_.accept_up_to(*last_id_);
  queue_.flush();
  counts_.kernel_dropped = queue_.kernel_dropped();
}

void emulator::arm(const descriptor& timer, time_point when) {
  const auto since = std::max(when.time_since_epoch(), duration(1));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  itimerspec setting{};
  setting.it_value.tv_sec = seconds.count();
  setting.it_value.tv_nsec = (since - seconds).count();
  checked(timerfd_settime(timer.number(), TFD_TIMER_ABSTIME, &setting, nullptr),
          "timerfd_settime");
}

}  // namespace status2::netem
