/// The producer of a drill: numbered, stamped messages at a steady rate that
/// never waits for Redis, and remembers when each was published.
#pragma once

#include "redis/standing_connection.hpp"
#include "tests/support/crowd.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace status2::drill {

/// Publishes from its construction to stop(). While Redis is gone it publishes
/// nothing; what was sent and not answered nobody need have got.
/// Thread: one; it has its own.
class steady_producer {
 public:
  /// `rate`: messages a second over all channels.
  steady_producer(redis::connection_settings redis,
                  std::vector<std::string> channels, double rate);
  ~steady_producer() { stop(); }
  steady_producer(const steady_producer&) = delete;
  steady_producer& operator=(const steady_producer&) = delete;

  /// Sends no more and waits, for a bounded time, for the last answers.
  void stop();
  std::size_t sent() const { return sent_; }
  std::size_t answered() const { return answered_; }
  std::size_t skipped() const { return skipped_; }  ///< due in an outage
  /// Only after stop().
  const support::publications& published() const { return published_; }

 private:
  struct under_way {
    std::size_t channel;
    std::size_t number;
    std::chrono::system_clock::time_point before;
  };

  void pace();
  void publish_one();
  void on_answers(std::size_t count);
  void on_lost();

  const std::vector<std::string> channels_;
  const std::chrono::nanoseconds step_;
  boost::asio::io_context loop_{1};
  redis::standing_connection redis_;
  boost::asio::steady_timer timer_{loop_};
  std::chrono::steady_clock::time_point next_;
  std::deque<under_way> under_way_;
  support::publications published_;
  std::size_t turn_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> sent_{0};
  std::atomic<std::size_t> answered_{0};
  std::atomic<std::size_t> skipped_{0};
  std::thread thread_;
};

}  // namespace status2::drill
