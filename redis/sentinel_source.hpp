/// Finds the master through sentinels, and notices when they name another one.
#pragma once

#include "redis/endpoint_source.hpp"
#include "redis/query_client.hpp"
#include "redis/query_round.hpp"
#include "redis/sentinel_view.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace status2::redis {

struct sentinel_settings {
  std::vector<endpoint> sentinels{};  ///< not empty
  std::string master_name{};
  std::string user{};  ///< at the sentinels; empty: the default user
  std::string password{};
  std::shared_ptr<tls_context> tls{};  ///< null: plain bytes
  /// For the answer of one sentinel.
  std::chrono::nanoseconds timeout{std::chrono::milliseconds{300}};
  /// Between two questions after fit().
  std::chrono::nanoseconds interval{std::chrono::seconds{1}};
};

/// After fit() it asks the sentinels every second, and at once when one of them
/// announces a switch of masters: an announcement may be lost, an answer may
/// come a second late.
/// Owned by a shared_ptr.
class sentinel_source final
    : public endpoint_source,
      public std::enable_shared_from_this<sentinel_source> {
 public:
  sentinel_source(boost::asio::io_context& loop, sentinel_settings settings);

  /// Asks the sentinels in turn. Errors: what each of them said.
  void locate(located done) override;
  /// Returns true if the sentinels name another master by now. The sentinel
  /// that named `where` is asked last from now on.
  bool unfit(const endpoint& where) override;
  void fit(const endpoint& where) override;
  /// A little before the last answer that named `where`: another sentinel may
  /// have named another master already.
  std::optional<time_point> certain_until(const endpoint& where) const override;
  void stop() override;

  /// In the order in which they are asked.
  const std::vector<endpoint>& sentinels() const { return view_.order(); }

 private:
  using clock = std::chrono::steady_clock;

  query_settings for_sentinels() const;
  void ask();
  std::string judge(const endpoint& who, const std::vector<answer>& answers);
  void on_round(const std::string& error);
  void note_named();
  void compare();
  void watch_at(clock::time_point when);
  void on_tick();
  void listen();
  void on_push(const answer& push);

  boost::asio::io_context& loop_;
  const sentinel_settings settings_;
  sentinel_view view_;
  query_round round_;
  std::vector<located> waiting_;   ///< for the end of the round
  std::optional<endpoint> named_;  ///< the master, by the last answer
  /// The start of the last round that named a server, for the servers that were
  /// named last, the newest first.
  std::vector<std::pair<endpoint, time_point>> named_at_;
  endpoint named_by_;
  std::optional<endpoint> watched_;  ///< where fit() was told, until it moves
  boost::asio::steady_timer tick_;
  clock::time_point asked_at_{};
  bool hinted_ = false;    ///< a switch was announced while a round was running
  std::size_t stops_ = 0;  ///< calls of stop()
  endpoint listening_to_;
  std::unique_ptr<query_client> listener_;
};

}  // namespace status2::redis
