/// A real redis-server of a test's own, and the faults it can have.
#pragma once

#include "tests/support/process.hpp"
#include "tests/support/redis_client.hpp"
#include "tests/support/temporary_directory.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace status2::support {

struct redis_options {
  std::string password{};            ///< of the default user; empty: none
  std::vector<std::string> users{};  ///< ACL rules, such as `bob on >pw ~* &*`
  bool unix_socket = false;
  bool sentinel = false;  ///< run as `redis-server --sentinel`
  /// More lines of its configuration, asked for once for each port tried.
  std::function<std::string()> more{};
};

/// Listens on a loopback port that it keeps over restarts, as it keeps its
/// configuration file with all that Redis or a sentinel has rewritten in it.
/// Blocks: starting and stopping, until it answers or has ended. Thread: one.
class redis_server {
 public:
  explicit redis_server(redis_options options = {});

  /// Starts it on the same port as before.
  void start();
  /// Ends it in order; clients see their connections close.
  void stop();
  /// SIGKILL.
  void kill();
  void restart();
  /// SIGSTOP and SIGCONT: the hang that answers to nobody and loses nothing.
  void freeze();
  void thaw();
  bool running() { return process_->running(); }

  std::uint16_t port() const { return port_; }
  /// For STATUS_REDIS_URL, without a password.
  std::string url() const;
  const std::string& unix_path() const { return unix_path_; }

  /// A connection to ask it through; opened again after a restart.
  redis_client& client();
  std::int64_t publish(const std::string& channel, std::string_view payload);
  /// PUBSUB NUMSUB of one channel.
  std::int64_t subscribers(const std::string& channel);
  /// Channels that anyone subscribes to.
  std::size_t channel_count();
  /// Connections in subscribe mode.
  std::size_t pubsub_clients();
  /// Times `command`, such as `unsubscribe`, was called since the start.
  std::int64_t calls(const std::string& command);
  void config_set(const std::string& name, const std::string& value);
  /// CLIENT KILL TYPE pubsub; how many connections it closed.
  std::int64_t kill_pubsub_clients();
  /// The password that client() logs in with from now on.
  void password(std::string password);

 private:
  bool answers();
  void configure();

  redis_options options_;
  temporary_directory directory_;
  std::uint16_t port_;
  std::string unix_path_;
  std::string file_;  ///< its configuration
  std::unique_ptr<process> process_;
  std::unique_ptr<redis_client> client_;
};

}  // namespace status2::support
