#include "tests/bench/load_run.hpp"

#include "tests/bench/event_loop.hpp"
#include "tests/bench/pace.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>

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

std::vector<std::string> quiet_names(const load_options& options) {
  std::vector<std::string> names;
  names.reserve(options.channels);
  for (std::size_t i = 0; i < options.channels; ++i)
    names.push_back(options.run + ":c" + std::to_string(i));
  return names;
}

std::string loud_name(const load_options& options) {
  return options.run + ":loud";
}

/// The names of all channels: those of the work, then the loud one if any.
std::vector<std::string> channel_names(const load_options& options) {
  std::vector<std::string> names = quiet_names(options);
  if (options.loud_rate > 0) names.push_back(loud_name(options));
  return names;
}

/// Channels that share a pace; they take turns.
class paced_channels {
 public:
  paced_channels(double rate, std::size_t first, std::size_t count,
                 histogram& lateness)
      : pace_(rate, now_ns()),
        first_(first),
        count_(count),
        lateness_(lateness) {}

  /// Calls `publish(channel)` for each message that is due.
  template <class Publish>
  void publish_due(bool measuring, Publish&& publish) {
    const std::uint64_t now = now_ns();
    for (auto late = pace_.take(now); late; late = pace_.take(now)) {
      if (measuring) lateness_.add(*late);
      publish(first_ + next_);
      next_ = (next_ + 1) % count_;
    }
  }

 private:
  pace pace_;
  std::size_t first_;
  std::size_t count_;
  std::size_t next_ = 0;
  histogram& lateness_;
};

class load_run {
 public:
  explicit load_run(const load_options& options)
      : options_(options),
        channels_(channel_names(options)),
        shared_{loop_,
                options.port,
                options.path_prefix,
                options.query,
                options.event_stream,
                options.tls ? make_tls_clients() : nullptr,
                options.send_init,
                {}},
        viewers_(shared_),
        publisher_(
            loop_,
            {options.redis_port, options.http_target, options.payload_size},
            channels_) {
    reception& seen = shared_.seen;
    viewers_.add(options.viewers, quiet_names(options), seen.latency);
    if (options.loud_rate > 0)
      viewers_.add(options.loud_viewers, {loud_name(options)},
                   seen.loud_latency);
  }

  load_result run() {
    connect();
    if (publishes()) {
      probe();
      publisher_.stop_answers();
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
            (init && seen.pinged < viewers_.size()) ||
            (options_.await_replay && seen.resumed < viewers_.size()))) {
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
      paces_.emplace_back(options_.rate, 0, options_.channels,
                          result_.lateness);
    if (options_.loud_rate > 0)
      paces_.emplace_back(options_.loud_rate, options_.channels, 1,
                          result_.loud_lateness);
    if (!paces_.empty())
      timer_ = std::make_unique<pace_timer>(
          loop_, std::max(options_.rate, options_.loud_rate));
  }

  void publish_for(double seconds) {
    const std::uint64_t end = now_ns() + to_ns(seconds);
    while (now_ns() < end) {
      loop_.run_once(milliseconds(10));
      if (options_.in_flight > 0) publish_saturated();
      for (paced_channels& paced : paces_)
        paced.publish_due(measuring_,
                          [this](std::size_t channel) { publish(channel); });
      publisher_.flush();
    }
  }

  // One channel after the other.
  void publish_saturated() {
    const std::uint64_t room =
        options_.in_flight * viewers_.viewers_of(next_channel_);
    while (shared_.seen.received + room >=
           expected_ + viewers_.viewers_of(next_channel_)) {
      publish(next_channel_);
      next_channel_ = (next_channel_ + 1) % channels_.size();
    }
  }

  void publish(std::size_t channel) {
    publisher_.publish(channel);
    expected_ += viewers_.viewers_of(channel);
    ++total_;
  }

  void measure() {
    const std::uint64_t published = total_;
    const std::uint64_t received = shared_.seen.received;
    const auto own = own_cpu();
    const auto waited = own_wait();
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
    result_.own_wait = own_wait() - waited;
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
  std::vector<paced_channels> paces_;
  std::unique_ptr<pace_timer> timer_;
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
