/// A Redis, sentinel or cluster node that answers commands by a table: with
/// right answers, wrong ones, parts of answers or none. It runs on the loop of
/// its test.
#pragma once

#include "redis/endpoint.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace status2::support {

/// Thread: that of its loop, all members.
class scripted_server {
 public:
  /// Listens on a free port of loopback.
  explicit scripted_server(boost::asio::io_context& loop);
  ~scripted_server();
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  redis::endpoint where() const { return {"127.0.0.1", port_}; }

  /// Sends `bytes` for each command that begins with these words. The longest
  /// beginning counts; a command without one gets an error. No bytes: neither
  /// this command nor a later one of its connection is answered.
  void answer(const std::string& words, const std::string& bytes) {
    table_[words] = bytes;
  }
  /// To every connection.
  void say(const std::string& bytes);
  /// Closes every connection; new ones are accepted.
  void drop();
  /// Closes every connection and refuses new ones, for good.
  void leave();

  std::size_t connections() const { return connections_; }  ///< ever accepted
  std::size_t open() const { return clients_.size(); }
  /// Commands so far, their words with spaces between.
  const std::vector<std::string>& heard() const { return heard_; }
  /// How many commands began with `words`.
  std::size_t count(const std::string& words) const;

 private:
  struct client;
  void accept();
  void read(const std::shared_ptr<client>& from);
  std::string reply(const std::string& command) const;

  boost::asio::ip::tcp::acceptor acceptor_;
  unsigned short port_;
  std::map<std::string, std::string> table_;
  std::set<std::shared_ptr<client>> clients_;
  std::size_t connections_ = 0;
  std::vector<std::string> heard_;
  /// Handlers outlive the server: they look whether it is still there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace status2::support
