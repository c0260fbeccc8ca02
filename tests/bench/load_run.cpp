#include "tests/bench/load_run.hpp"

#include "tests/bench/event_loop.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

namespace status2::bench {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t connect_deadline = 120 * second_ns;
constexpr std::uint64_t probe_deadline = 30 * second_ns;
constexpr std::uint64_t probe_interval = second_ns / 5;
constexpr std::uint64_t drain_patience = 3 * second_ns;

std::uint64_t to_ns(double seconds) {
  return static_cast<std::uint64_t>(seconds * static_cast<double>(second_ns));
}

std::vector<std::string> channel_names(std::size_t count) {
  std::vector<std::string> names;
  names.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    names.push_back("bench:c" + std::to_string(i));
  return names;
}

/// Wakes the loop at a message's pace; epoll's own timeout counts in
/// milliseconds.
class pace_timer final : public io_handler {
 public:
  pace_timer(event_loop& loop, double rate)
      : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    const std::uint64_t period = std::max(to_ns(1 / rate), second_ns / 20'000);
    timespec step{};
    step.tv_sec = static_cast<time_t>(period / second_ns);
    step.tv_nsec = static_cast<long>(period % second_ns);
    const itimerspec spec{step, step};
    if (fd_ < 0 || ::timerfd_settime(fd_, 0, &spec, nullptr) != 0)
      throw std::runtime_error("no timer");
    loop.add(fd_, EPOLLIN, *this);
  }
  ~pace_timer() { ::close(fd_); }
  pace_timer(const pace_timer&) = delete;
  pace_timer& operator=(const pace_timer&) = delete;

  void on_io(std::uint32_t events) override {
    std::uint64_t expirations = 0;
    if (::read(fd_, &expirations, sizeof expirations) < 0) return;
  }

 private:
  int fd_;
};

class load_run {
 public:
  explicit load_run(const load_options& options)
      : options_(options),
        channels_(channel_names(options.channels)),
        shared_{
            loop_, options.port, options.path_prefix, options.send_init, {}},
        viewers_(shared_, options.viewers, channels_),
        publisher_(
            loop_,
            {options.redis_port, options.http_target, options.payload_size},
            channels_) {}

  load_result run() {
    connect();
    if (publishes()) {
      probe();
      start_pace();
      publish_for(options_.warm_up_seconds);
    }
    measure();
    drain();
    result_.faults = viewers_.check(publisher_.published());
    result_.seen = std::move(shared_.seen);
    return std::move(result_);
  }

 private:
  bool publishes() const { return options_.rate > 0 || options_.in_flight > 0; }

  process_sample sample() const {
    const auto taken = sample_processes(options_.pids);
    if (!taken) throw std::runtime_error("the server under test is gone");
    return *taken;
  }

  void connect() {
    result_.before_connect = sample();
    const std::uint64_t begin = now_ns();
    const reception& seen = shared_.seen;
    const bool init = options_.send_init;
    while (seen.failed == 0 && seen.closed == 0 &&
           (seen.opened < viewers_.size() ||
            (init && seen.pinged < viewers_.size()))) {
      viewers_.open_more(options_.concurrency);
      loop_.run_once(milliseconds(100));
      if (now_ns() - begin > connect_deadline)
        throw std::runtime_error("connecting took too long");
    }
    require_all_open();
    result_.connect_seconds = static_cast<double>(now_ns() - begin) / second_ns;
    result_.after_connect = sample();
  }

  void require_all_open() const {
    const reception& seen = shared_.seen;
    if (seen.failed + seen.closed > 0)
      throw std::runtime_error("a connection failed: " + seen.first_failure);
  }

  // A channel is live when each of its viewers has seen a probe.
  void probe() {
    const std::uint64_t begin = now_ns();
    std::uint64_t next = begin;
    while (shared_.seen.probed < viewers_.size()) {
      const std::uint64_t now = now_ns();
      if (now - begin > probe_deadline)
        throw std::runtime_error("no message reached every viewer");
      if (now >= next) {
        for (const std::size_t channel : viewers_.unprobed_channels())
          publisher_.probe(channel);
        publisher_.flush();
        next = now + probe_interval;
      }
      loop_.run_once(milliseconds(10));
      require_all_open();
    }
  }

  void start_pace() {
    if (options_.rate > 0)
      timer_ = std::make_unique<pace_timer>(loop_, options_.rate);
    pace_begin_ = now_ns();
  }

  void publish_for(double seconds) {
    const std::uint64_t end = now_ns() + to_ns(seconds);
    while (now_ns() < end) {
      loop_.run_once(milliseconds(10));
      if (options_.in_flight > 0)
        publish_saturated();
      else if (options_.rate > 0)
        publish_due();
      publisher_.flush();
    }
  }

  void publish_due() {
    const double step = static_cast<double>(second_ns) / options_.rate;
    const std::uint64_t elapsed = now_ns() - pace_begin_;
    while (static_cast<double>(total_) * step <= static_cast<double>(elapsed)) {
      const auto due =
          static_cast<std::uint64_t>(static_cast<double>(total_) * step);
      if (measuring_) result_.lateness.add(elapsed - due);
      publish_next();
    }
  }

  void publish_saturated() {
    const std::uint64_t room =
        options_.in_flight * viewers_.viewers_of(next_channel_);
    while (shared_.seen.received + room >=
           expected_ + viewers_.viewers_of(next_channel_))
      publish_next();
  }

  void publish_next() {
    publisher_.publish(next_channel_);
    expected_ += viewers_.viewers_of(next_channel_);
    next_channel_ = (next_channel_ + 1) % channels_.size();
    ++total_;
  }

  void measure() {
    const std::uint64_t published = total_;
    const std::uint64_t received = shared_.seen.received;
    const auto own = own_cpu();
    result_.window_begin = sample();
    measuring_ = true;
    const std::uint64_t begin = now_ns();
    shared_.seen.window_begin_ns = begin;
    publish_for(options_.seconds);
    const std::uint64_t end = now_ns();
    shared_.seen.window_end_ns = end;
    measuring_ = false;
    result_.window_end = sample();
    result_.own_cpu = own_cpu() - own;
    result_.window_seconds = static_cast<double>(end - begin) / second_ns;
    result_.published = total_ - published;
    result_.received = shared_.seen.received - received;
  }

  // Waits for what is on its way; gives up once nothing comes any more.
  void drain() {
    timer_.reset();
    std::uint64_t received = shared_.seen.received;
    std::uint64_t last = now_ns();
    while (shared_.seen.received < expected_ &&
           now_ns() - last < drain_patience) {
      publisher_.flush();
      loop_.run_once(milliseconds(100));
      if (shared_.seen.received != received) last = now_ns();
      received = shared_.seen.received;
    }
  }

  const load_options& options_;
  event_loop loop_;
  const std::vector<std::string> channels_;
  viewing shared_;
  viewer_pool viewers_;
  publisher publisher_;
  std::unique_ptr<pace_timer> timer_;
  std::uint64_t pace_begin_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t expected_ = 0;
  std::size_t next_channel_ = 0;
  bool measuring_ = false;
  load_result result_;
};

}  // namespace

load_result run_load(const load_options& options) {
  return load_run(options).run();
}

}  // namespace status2::bench
