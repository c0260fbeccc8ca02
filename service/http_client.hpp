/// One HTTP request to a broker, for the verbs that ask one.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace status2::service {

struct http_question {
  std::string_view method = "GET";
  std::string target = "/";
  std::string token{};  ///< bearer token, empty: none
  std::string body{};   ///< JSON, empty: none
};

struct http_answer {
  unsigned status = 0;
  std::string body;
  std::string error;  ///< empty: there was an answer
};

/// Asks the broker that listens on `listen_addr`, over loopback where that
/// means every address. Blocks: at most `time_limit`.
http_answer ask(const std::string& listen_addr, const http_question& question,
                std::chrono::seconds time_limit = std::chrono::seconds{3});

}  // namespace status2::service
