/// Reads the configuration again when it is told to, on a thread of its own: a
/// slow disk holds up neither clients nor signals.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace status2::service {

/// Thread: that of `loop`, all members.
class reloader {
 public:
  /// What follows from a read, called on the loop.
  using swap = std::function<void()>;

  /// `read` reads and validates, on the reloader's thread, one at a time.
  /// `failed` is called on the loop if there is no thread for it, or no memory.
  reloader(boost::asio::io_context& loop, std::function<swap()> read,
           std::function<void(const std::string& error)> failed)
      : loop_(loop), read_(std::move(read)), failed_(std::move(failed)) {}
  /// Blocks: until a read under way ends.
  ~reloader();
  reloader(const reloader&) = delete;
  reloader& operator=(const reloader&) = delete;

  /// Reads, and then calls the swap. Requests while it reads are answered by
  /// one more read behind it.
  void request();

 private:
  void begin();
  swap read_or_fail() const;
  void end(const swap& done);

  boost::asio::io_context& loop_;
  const std::function<swap()> read_;
  const std::function<void(const std::string& error)> failed_;
  std::thread thread_;
  bool reading_ = false;
  bool again_ = false;
};

}  // namespace status2::service
