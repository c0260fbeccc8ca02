/// Asks one Redis or sentinel questions about where Redis is, on a connection
/// of its own. The messages' connection is another one: redis/connection.hpp.
#pragma once

#include "redis/answer.hpp"
#include "redis/command.hpp"
#include "redis/dialer.hpp"
#include "redis/tls.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

struct query_settings {
  endpoint where{};
  std::string user{};  ///< empty: the default user
  std::string password{};
  std::shared_ptr<tls_context> tls{};  ///< null: plain bytes
  /// For one question: until its last answer, opening the connection included.
  std::chrono::nanoseconds timeout{std::chrono::seconds{1}};
  std::shared_ptr<dial_memory> memory = std::make_shared<dial_memory>();
};

/// The connection is opened by the first question, stays open between
/// questions, and is opened again by the next question after its loss.
/// Thread: that of its loop, all members and callbacks. A callback may ask,
/// close or destroy the client.
class query_client {
 public:
  query_client(boost::asio::io_context& loop, query_settings settings);
  /// As close().
  ~query_client();
  query_client(const query_client&) = delete;
  query_client& operator=(const query_client&) = delete;

  using commands = std::vector<std::vector<std::string>>;
  using answered = std::function<void(const std::vector<answer>& answers,
                                      const std::string& error)>;
  /// Sends `question`, commands in one write, and calls `done` once, not from
  /// inside this call: with an answer for each command, which may be an error
  /// of Redis, or with none and the reason.
  /// Errors: no answer in time, a lost connection or a refused login fail all
  /// pending questions and end the connection. The reason holds no secret.
  void ask(const commands& question, answered done);
  /// Ends the connection; no callback is called any more.
  void close();

  /// Called for messages after a SUBSCRIBE, which is asked like a question and
  /// must be the last one. Null: a message ends the connection.
  std::function<void(const answer& push)> pushed;
  /// The connection ended, after pending questions have failed.
  std::function<void(const std::string& error)> lost;

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace status2::redis
