/// A stage whose broker has the chaos door open.
#pragma once

#include "tests/support/broker_process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace status2::support {

/// Thread: one.
class chaos_stage {
 public:
  explicit chaos_stage(environment variables = {});

  /// `GET /chaos/actors`.
  boost::json::object tree();
  /// The children of the tree whose names start with `prefix`.
  std::vector<boost::json::object> actors(std::string_view prefix);
  /// `POST /chaos/kill`; the status of the answer.
  unsigned kill(std::string_view actor);
  /// Sends the same and waits for nothing; read_response() has the answer.
  tcp_client ask_to_kill(std::string_view actor);
  /// `POST /chaos/redis`; the status of the answer.
  unsigned harm_redis(std::string_view fault, std::string_view length,
                      std::int64_t ms = 0);
  http_response ask(std::string_view method, std::string_view path,
                    const std::string& body = {},
                    const std::string& token = chaos_token);

  /// Nothing moves any more: every delivery is accounted for, in total and for
  /// each channel, and gauge, sessions and group members agree. Empty, or what
  /// does not.
  std::string imbalance();

  viewer view(std::string_view channel) { return broker.view(channel); }

  static const std::string chaos_token;
  temporary_directory directory;
  std::string token_file;
  redis_server redis;
  broker_process broker;

 private:
  environment with_token(environment variables);
  tcp_client send(std::string_view method, std::string_view path,
                  const std::string& body, const std::string& token);
};

}  // namespace status2::support
