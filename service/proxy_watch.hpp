/// Looks the names in STATUS_TRUSTED_PROXIES up, at start and again and again:
/// a container that is created anew has another address.
#pragma once

#include "service/proxy_table.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace status2::service {

/// Looks one name up and calls back once, on the loop, not from inside.
using name_lookup =
    std::function<void(const std::string& name,
                       std::function<void(const boost::system::error_code&,
                                          std::set<transport::address>)>)>;

/// By getaddrinfo(3), on a thread that Asio keeps for it: the loop goes on.
name_lookup system_lookup(boost::asio::io_context& loop);

struct proxy_watch_settings {
  /// Wait between two rounds. getaddrinfo() does not tell how long an answer
  /// holds.
  std::chrono::nanoseconds interval{std::chrono::seconds{10}};
  /// The same while a name has no address: a proxy starts after its broker.
  std::chrono::nanoseconds retry_interval{std::chrono::seconds{1}};
};

/// Thread: called on the watch's loop.
struct proxy_watch_events {
  std::function<void(const std::string& name,
                     const std::set<transport::address>&)>
      found;  ///< addresses that differ from those before
  std::function<void(const std::string& name,
                     const boost::system::error_code&)>
      unresolved;  ///< at the first failure, then once a minute
};

/// Thread: that of `loop`, apart from the constructor.
class proxy_watch : public std::enable_shared_from_this<proxy_watch> {
 public:
  proxy_watch(boost::asio::io_context& loop,
              const std::vector<std::string>& items, name_lookup lookup,
              proxy_watch_events events, proxy_watch_settings settings = {});

  /// Begins the first round. `first_round` is called when it is over: at once
  /// if there are no names.
  void start(std::function<void()> first_round);
  /// Calls `changed` with what is trusted, now and after each change.
  void on_change(std::function<void(const transport::proxy_set&)> changed);
  /// Begins no further round and calls nothing that was set by on_change().
  void stop();

 private:
  void begin_round();
  void on_answer(const std::string& name,
                 const boost::system::error_code& error,
                 const std::set<transport::address>& addresses);
  void end_round();

  proxy_table table_;
  const name_lookup lookup_;
  const proxy_watch_events events_;
  const proxy_watch_settings settings_;
  boost::asio::steady_timer timer_;
  std::size_t unanswered_ = 0;  ///< of this round
  bool stopped_ = false;
  std::function<void()> first_round_;
  std::function<void(const transport::proxy_set&)> changed_;
};

}  // namespace status2::service
