/// The command line, read into what is to be done. Neither the environment nor
/// a socket is touched.
#pragma once

#include "service/configuration.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace status2::service {

enum class verb : std::uint8_t {
  serve,
  check_config,
  print_config,
  version,
  help,
  healthcheck,
  watch,
  publish,
  chaos,
  token_explain,
  docs,
};

struct options {
  verb what = verb::serve;
  variables flags;  ///< texts by variable name
  std::vector<std::string> arguments;
  std::vector<std::string> literal;  ///< words behind `--`, flags or not
  std::uint64_t count = 0;    ///< watch: messages until it ends; 0: no end
  bool probe = false;         ///< check_config: try Redis as well
  bool raw = false;           ///< watch: whole frames
  bool event_stream = false;  ///< watch: instead of a WebSocket
  std::optional<std::uint64_t> tail;  ///< watch: messages before the live ones
  std::string since;                  ///< watch: id behind which to begin
  std::string ca_file;                ///< watch: who may vouch for the server
  std::string token_file;             ///< watch: holds a token
  std::uint64_t delay_ms = 0;         ///< chaos redis delay
  std::string length = "10s";         ///< chaos redis, publish --rate: how long
  double rate = 0;             ///< publish: messages a second; 0: just one text
  std::uint64_t channels = 1;  ///< publish --rate
  std::uint64_t size = 128;    ///< publish --rate: bytes of a message
  bool reference = false;      ///< publish --rate: measure Redis alone
  std::string error;           ///< empty: all is well
};

/// Reads `arguments`, the program's name left out. Errors: options::error, one
/// line; the caller exits with 2.
options parse_command_line(std::vector<std::string> arguments);

/// The text of `--help`, from the table of keys.
std::string help_text();

}  // namespace status2::service
