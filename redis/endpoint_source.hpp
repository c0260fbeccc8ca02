/// Where Redis is: asked before each attempt to connect, so that a link follows
/// Redis wherever it goes.
#pragma once

#include "redis/dialer.hpp"
#include "redis/endpoint.hpp"
#include "redis/server_role.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace status2::redis {

struct location {
  std::vector<endpoint> endpoints;  ///< the first is preferred
  server_role role = server_role::any;
};

/// Thread: that of its loop, all members and all callbacks.
class endpoint_source {
 public:
  virtual ~endpoint_source() = default;

  using time_point = std::chrono::steady_clock::time_point;
  using located =
      std::function<void(const location& where, const std::string& error)>;
  /// Calls `done` once, not from inside this call: with endpoints, or without
  /// any and with the reason. Several calls may be under way.
  virtual void locate(located done) = 0;
  /// The server at `where` could be reached and did not serve. Returns whether
  /// the next locate() begins with an endpoint that is still untried.
  virtual bool unfit(const endpoint& where) = 0;
  /// The server at `where` accepted a login. The source may watch it from now
  /// on.
  virtual void fit(const endpoint& where) = 0;
  /// A connection to `where` may have missed messages that were published after
  /// the time returned, because Redis may have been elsewhere since then.
  /// Nothing: it has missed none while it worked.
  virtual std::optional<time_point> certain_until(const endpoint& where) const {
    (void)where;
    return std::nullopt;
  }
  /// Ends everything that the source does by itself, and its callbacks.
  virtual void stop() {}

  /// Called when Redis is found to be elsewhere than where fit() was told:
  /// connections there should be left. `since`: they may have missed messages
  /// from then on although they work; nothing if they have not. Set by the
  /// owner of the connections.
  std::function<void(const std::string& why, std::optional<time_point> since)>
      moved = [](const std::string&, std::optional<time_point>) {};
  /// Of all dials to where this source leads.
  const std::shared_ptr<dial_memory> memory = std::make_shared<dial_memory>();
};

/// Endpoints that never change, tried in turn.
class endpoint_list final : public endpoint_source {
 public:
  endpoint_list(boost::asio::io_context& loop, std::vector<endpoint> endpoints)
      : loop_(loop), endpoints_(std::move(endpoints)) {}

  void locate(located done) override;
  bool unfit(const endpoint& where) override;
  void fit(const endpoint& where) override;

 private:
  boost::asio::io_context& loop_;
  std::vector<endpoint> endpoints_;  ///< the next one to try first
  std::size_t unfit_in_a_row_ = 0;
};

}  // namespace status2::redis
