/// A Redis inside the test's process that speaks just enough RESP for the
/// link, counts what it is asked and misbehaves on demand.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace status2::support {

/// Thread: any, unless a member says otherwise; the server has its own.
class redis_double {
 public:
  /// Listens on a free port of loopback, or on `port`.
  explicit redis_double(unsigned short port = 0);
  ~redis_double();
  redis_double(const redis_double&) = delete;
  redis_double& operator=(const redis_double&) = delete;

  unsigned short port() const { return port_; }

  /// To all who are subscribed; returns to how many. Blocks: until written to
  /// the sockets.
  std::size_t publish(const std::string& channel, const std::string& payload);
  /// Bytes as they are, to every connection.
  void say(const std::string& bytes);
  /// Closes every connection; new ones are accepted.
  void drop();
  /// While set, nothing is read and nothing answered: a hung Redis. What came
  /// meanwhile is answered when it is unset.
  void stall(bool value);
  /// The connections that exist now hang for ever and are sent nothing; new
  /// ones are served.
  void stall_connected();
  /// Error line instead of the answer to a login or PING, empty for none.
  void refuse_login(const std::string& error);
  /// SUBSCRIBE of this channel fails with NOPERM; empty for none.
  void forbid(const std::string& channel);
  /// SUBSCRIBE of this channel is answered together with the first message
  /// that is published to it, in one write; empty for none.
  void answer_late(const std::string& channel);

  std::size_t connections() const { return connections_; }  ///< ever accepted
  std::size_t open() const { return open_; }
  /// Commands of this name, in capitals, that were received.
  std::size_t commands(const std::string& name) const;
  /// Arguments of all commands of this name.
  std::vector<std::string> arguments(const std::string& name) const;
  std::size_t subscribers(const std::string& channel) const;

 private:
  struct client;
  void accept();
  void read(std::shared_ptr<client> from);
  void handle(client& from);
  std::string answer(client& from, const std::vector<std::string>& words);
  /// Runs `f` on the server's thread and waits for it.
  template <class F>
  auto ask(F f) const;

  mutable boost::asio::io_context loop_{1};
  boost::asio::ip::tcp::acceptor acceptor_;
  unsigned short port_;
  std::set<std::shared_ptr<client>> clients_;
  bool stalled_ = false;
  std::string login_error_;
  std::string forbidden_;
  std::string late_;
  std::map<std::string, std::size_t> counts_;
  std::map<std::string, std::vector<std::string>> arguments_;
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> open_{0};
  std::thread thread_;
};

}  // namespace status2::support
