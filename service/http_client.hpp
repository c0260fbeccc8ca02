/// One HTTP request to a broker, for the verbs that ask one.
#pragma once

#include "service/configuration.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace status2::service {

/// Files of the certificate that a client shows; empty: none.
struct http_identity {
  std::string certificate;
  std::string key;
};

struct http_question {
  std::string_view method = "GET";
  std::string target = "/";
  std::string host{};         ///< for the Host header; empty: as it is reached
  std::string token{};        ///< bearer token, empty: none
  std::string body{};         ///< JSON, empty: none
  bool proxy_header = false;  ///< the port wants one: STATUS_PROXY_PROTOCOL
  /// Set: over TLS, unless the address is a Unix socket. The certificate of the
  /// other side is not checked.
  std::optional<http_identity> tls{};
};

struct http_answer {
  unsigned status = 0;
  std::string body;
  std::string error;  ///< empty: there was an answer
};

/// Asks the broker that listens at `address`, an item of STATUS_LISTEN_ADDR,
/// over loopback if that means every address. Blocks: at most `time_limit`.
http_answer ask(const std::string& address, const http_question& question,
                std::chrono::seconds time_limit = std::chrono::seconds{3});

/// What a command needs to ask the viewers' port of the broker with these
/// values: Host, PROXY header, TLS.
http_question question_to_own_port(const configuration& values);

}  // namespace status2::service
