/// The cases of the Autobahn fuzzing client, groups 1 to 7 and 10, as bytes of
/// a client and the behavior that is expected of this server. Where Autobahn
/// expects an echo, the text must have come whole.
/// Source: github.com/crossbario/autobahn-testsuite for the cases; RFC 6455 for
/// the answers.
#pragma once

#include "transport/close_reason.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace status2::support {

struct autobahn_step {
  enum class wait : std::uint8_t {
    nothing,
    kept,  ///< the server has read it and waits for the rest of a message
    pong   ///< the server answers it at once
  };
  std::string bytes;  ///< one write
  wait then = wait::nothing;
};

struct autobahn_case {
  std::string number;  ///< as Autobahn reports it: `6.4.1`
  std::vector<autobahn_step> steps;
  std::vector<std::string> texts{};  ///< text messages that come whole
  std::vector<std::string> pongs{};
  /// Whether the connection must still work after the steps.
  bool stays_open = true;
  /// Of the server's Close frame if the steps end the connection.
  std::uint16_t code = 0;
  transport::close_reason reason = transport::close_reason::client_closed;
};

/// All of them, in Autobahn's order. None of the texts is JSON.
std::vector<autobahn_case> autobahn_cases();

}  // namespace status2::support
