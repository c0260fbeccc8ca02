/// The commands that open a connection, and what their answers mean. Pure.
///
/// An error proves that Redis lives, so it is fatal only where the command is
/// needed: AUTH, and the role that an attempt must find. NOAUTH says that an
/// AUTH is missing. SELECT is refused by
/// clusters and by users without the right, and Pub/Sub knows no databases; a
/// PING may be refused with BUSY, LOADING, MISCONF, MASTERDOWN or NOPERM while
/// messages flow.
#pragma once

#include "redis/reply_reader.hpp"
#include "redis/server_role.hpp"
#include "redis/url.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

/// Thread: that of its connection.
class login {
 public:
  login(const redis_url& url, server_role role, std::string_view name);

  /// All commands, to be sent in one write. The last one is a PING, so that a
  /// Redis that hangs and accepts connections never looks open.
  const std::string& commands() const { return commands_; }

  enum class verdict : std::uint8_t {
    more,     ///< answers are missing
    done,     ///< logged in
    refused,  ///< error() says why; another login would be refused as well
    unfit,    ///< error() says why; the server has not the role
  };
  /// Takes the next answer.
  verdict answer(const reply_batch& batch, const reply_batch::reply& reply);
  /// The last refusal, fatal or not. Holds no secret.
  const std::string& error() const { return error_; }
  /// Refusals that are worth a warning: one per SELECT.
  std::vector<std::string> warnings;

 private:
  enum class step : std::uint8_t { auth, select, name, role, ping };
  void add(step what, const std::vector<std::string_view>& words);
  verdict on_role(std::string_view text);

  const server_role role_;
  std::string secret_;
  std::string commands_;
  std::vector<step> steps_;
  std::size_t answered_ = 0;
  std::string error_;
};

}  // namespace status2::redis
