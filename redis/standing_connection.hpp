/// A connection to Redis that is opened again whenever it ends: for producers
/// and tools. (The broker's link decides more finely: subscription_machine.)
#pragma once

#include "redis/connection.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace status2::redis {

/// Thread: that of `loop`, all members and all callbacks. A callback may send,
/// not destroy.
class standing_connection {
 public:
  standing_connection(boost::asio::io_context& loop,
                      connection_settings settings);
  ~standing_connection();
  standing_connection(const standing_connection&) = delete;
  standing_connection& operator=(const standing_connection&) = delete;

  std::function<void()> opened = [] {};
  std::function<void(const reply_batch&)> read = [](const reply_batch&) {};
  std::function<void()> lost = [] {};  ///< or an attempt that failed

  void open();
  void send(const std::vector<std::string_view>& words) {
    connection_->send(words);
  }
  bool is_open() const { return is_open_; }
  /// Why it ended last; empty if it never did.
  const std::string& error() const { return error_; }

 private:
  class events;
  void on_closed(const std::string& error);

  boost::asio::io_context& loop_;
  connection_settings settings_;
  boost::asio::steady_timer retry_;
  std::shared_ptr<connection> connection_;
  bool is_open_ = false;
  std::string error_;
};

}  // namespace status2::redis
