/// Real Redis servers under Redis Sentinel, and the faults they can have.
#pragma once

#include "tests/support/redis_server.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::support {

struct sentinel_options {
  std::string password{};           ///< of the Redis servers; empty: none
  std::string sentinel_password{};  ///< of the sentinels; empty: none
};

/// A master, a replica and three sentinels with a quorum of two. The sentinels
/// take a silent master for down after one second between expect_failover() and
/// expect_none(), so that a failover takes about three; otherwise after a
/// minute, so that a busy machine causes none. Blocks: the constructor until
/// all know each other. Thread: one.
class redis_sentinel_set {
 public:
  static constexpr std::string_view name = "mymaster";
  static constexpr std::size_t sentinel_count = 3;

  explicit redis_sentinel_set(sentinel_options options = {});

  /// For STATUS_REDIS_URL, with all sentinels, without passwords.
  std::string url() const;

  /// The port that the sentinels name, by the newest configuration that any
  /// of them has. Errors: throws if no sentinel answers.
  std::uint16_t master_port();
  /// The server on master_port(), and the other one.
  redis_server& master();
  redis_server& replica();
  redis_server& sentinel(std::size_t index) { return *sentinels_.at(index); }

  /// SENTINEL FAILOVER: the replica becomes the master though nothing is wrong.
  /// Errors: throws if the sentinel refuses.
  void fail_over();
  /// Starts a sentinel that was killed.
  void start_sentinel(std::size_t index);

  /// Every running sentinel names the server on `port`, and this server takes
  /// itself for a master.
  bool has_master(std::uint16_t port);
  void expect_failover() { set_down_after("1000"); }
  void expect_none() { set_down_after("60000"); }
  /// Expects a failover until has_master() holds for another port than
  /// `before`.
  bool fails_over(std::uint16_t before,
                  std::chrono::nanoseconds deadline = std::chrono::seconds{30});
  /// Every server, sentinel and replication link is up, and every sentinel
  /// knows of all the others.
  bool complete();

  /// PUBSUB NUMSUB of one channel at one of the servers. The sentinels
  /// subscribe to a channel of their own.
  std::int64_t subscribers(redis_server& server, const std::string& channel);

  /// Publishes to the master that the sentinels name now. Errors: throws if
  /// it does not answer within 1 s.
  void publish(const std::string& channel, const std::string& payload);

 private:
  /// What a sentinel knows: the newest epoch is the newest configuration.
  struct opinion {
    std::int64_t epoch = -1;
    std::uint16_t port = 0;
  };
  opinion opinion_of(redis_server& sentinel);
  void set_times(redis_server& sentinel);
  /// The time after which the sentinels take a silent server for down.
  void set_down_after(std::string_view milliseconds);
  redis_server& server_on(std::uint16_t port);
  /// Asks a server over a connection of its own: a sentinel ends all others
  /// when it changes the server's role.
  redis_reply ask(std::uint16_t port, const std::vector<std::string>& words);

  const sentinel_options options_;
  std::array<std::unique_ptr<redis_server>, 2> servers_;
  std::array<std::unique_ptr<redis_server>, sentinel_count> sentinels_;
  std::unique_ptr<redis_client> publisher_;
  std::uint16_t publisher_port_ = 0;
};

}  // namespace status2::support
