/// The transport alone, on two threads of its own: a listener and sessions,
/// without actors and without Redis. Sessions answer `init` with a ping.
#pragma once

#include "tests/support/io_backend.hpp"
#include "transport/client_session.hpp"
#include "transport/listener.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace status2::support {

struct transport_options {
  transport::listener_settings listener{};
  transport::session_settings session{};
  transport::admission_limits admission{};
  std::string address = "127.0.0.1:0";
  std::vector<std::string> more_addresses{};
  /// For each of the two threads; 0: no budget.
  std::size_t inbound_bytes = 0;
};

/// Thread: any, all members. Errors: a port that does not open throws.
class transport_server {
 public:
  explicit transport_server(transport_options options = {});
  ~transport_server();
  transport_server(const transport_server&) = delete;
  transport_server& operator=(const transport_server&) = delete;

  /// Of `address`.
  std::uint16_t port() const { return listener_->port(); }

  /// Runs `action` on the sessions' thread. Blocks: until it is done.
  void on_sessions(const std::function<void()>& action);
  /// The same on the listener's thread.
  void on_listener(const std::function<void()>& action);
  /// Hands the blocks to every session in one turn of the loop.
  void deliver(const std::vector<transport::frame_ptr>& blocks);
  void deliver(const transport::frame_ptr& block) {
    deliver(std::vector{block});
  }
  /// Queues the blocks for every session in one turn of the loop, to be sent
  /// part by part.
  void enqueue(const std::vector<transport::frame_ptr>& blocks);
  /// One status message to every session.
  void publish(std::string_view payload);
  /// The same, to each session in the encoding that it wants.
  void publish_encoded(std::string_view payload);
  void close_all(transport::close_reason reason);
  /// From now on an `init` throws, as a bug would.
  void break_inits();
  /// The next `count` reports of closed sessions find no memory.
  void break_reports(std::size_t count);
  /// Destroys every session object, as an actor does that dies.
  void drop_all();
  /// Stops the listener.
  void stop_listening();

  std::size_t sessions() const;
  /// What was asked of sessions so far.
  std::size_t inits() const;
  std::vector<std::string> malformed() const;
  std::vector<transport::token_fault> tokens_refused() const;
  std::vector<transport::close_report> reports() const;
  std::vector<transport::channel_name> channels() const;
  /// upgrade_request::remote of each client.
  std::vector<std::string> remotes() const;
  /// Replaces the trusted proxies, as a lookup of their names does.
  void trust(transport::proxy_set proxies);
  void certify(std::shared_ptr<const transport::tls_context> tls);
  std::vector<boost::system::error_code> accept_errors() const;
  /// Problems of TLS handshakes.
  std::vector<std::string> failed_handshakes() const;
  struct refusal_record {
    transport::refusal why;
    std::string remote;
    std::string origin;
    std::string path;
    std::string detail;
  };
  std::vector<refusal_record> refusals() const;
  /// Waits for the first report of a closed session. Errors: throws if none
  /// comes.
  transport::close_report closed() const;
  /// Whether every accepted connection has TCP_NODELAY.
  bool no_delay() const;

  /// Processor time of the sessions' thread. Blocks: until it is told.
  std::chrono::nanoseconds session_time();
  /// Sessions with bytes that wait. Blocks: until it is told.
  std::size_t holders();
  const transport::io_counters& session_counters() const;
  const transport::io_counters& listener_counters() const;

 private:
  class events;
  class client;
  void serve(transport::upgrade_request&& request);
  static void run_on(transport::io_loop& loop,
                     const std::function<void()>& action);

  struct record {
    std::size_t inits = 0;
    std::vector<std::string> malformed;
    std::vector<transport::token_fault> tokens_refused;
    std::vector<transport::close_report> reports;
    std::vector<transport::channel_name> channels;
    std::vector<std::string> remotes;
    std::vector<boost::system::error_code> accept_errors;
    std::vector<std::string> failed_handshakes;
    std::vector<refusal_record> refusals;
    std::size_t sessions = 0;
    bool no_delay = true;
    bool inits_broken = false;
    std::size_t reports_broken = 0;
  };
  template <class Value>
  Value recorded(Value record::*member) const {
    const std::lock_guard lock(mutex_);
    return record_.*member;
  }

  const transport_options options_;
  transport::admission admission_;
  mutable std::mutex mutex_;
  record record_;
  transport::io_loop listener_loop_{0, io_backend()};
  transport::io_loop session_loop_{1, io_backend()};
  /// On the sessions' thread.
  std::map<std::size_t, std::unique_ptr<transport::client_session>> live_;
  std::map<std::size_t, transport::encoding> kinds_;
  std::size_t last_id_ = 0;
  std::uint64_t last_number_ = 0;
  transport::answer_function last_answer_;
  std::shared_ptr<transport::listener> listener_;
  std::thread listener_thread_;
  std::thread session_thread_;
};

/// One status message, framed.
transport::frame_ptr status_block(std::string_view payload);

}  // namespace status2::support
