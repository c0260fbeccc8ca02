/// Asks several servers the same question, one after another, until an answer
/// is of use.
#pragma once

#include "redis/query_client.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace status2::redis {

/// Thread: that of its loop, all members and callbacks.
class query_round {
 public:
  /// `common`: for every server; its endpoint does not count. The timeout is
  /// that of one server.
  query_round(boost::asio::io_context& loop, query_settings common)
      : loop_(loop), common_(std::move(common)) {}

  /// Returns why the answers of `who` are of no use; empty if they are of use.
  using judge = std::function<std::string(const endpoint& who,
                                          const std::vector<answer>& answers)>;
  using finished = std::function<void(const std::string& error)>;
  /// Starts a round; only while none is running. Calls `done` once, not from
  /// inside this call and as the last thing: with an empty error if an answer
  /// was of use. `done` may start the next round or destroy this object.
  /// The connection to the server that was of use stays open.
  /// Errors: what each server said, at most 500 bytes.
  void ask(std::vector<endpoint> servers, query_client::commands question,
           judge of_use, finished done);
  bool running() const { return round_.has_value(); }
  /// Ends the round without a callback, and the connection.
  void close();

 private:
  struct round {
    std::vector<endpoint> servers;
    query_client::commands question;
    judge of_use;
    finished done;
    std::size_t asked = 0;  ///< servers before this one have been asked
    std::string errors{};
  };
  void next();
  void on_answers(const std::vector<answer>& answers, std::string error);
  void finish(const std::string& error);

  boost::asio::io_context& loop_;
  const query_settings common_;
  std::optional<round> round_;
  endpoint where_;  ///< of client_
  std::unique_ptr<query_client> client_;
};

}  // namespace status2::redis
