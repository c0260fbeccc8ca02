/// `status2 watch`: a client of the broker that prints what comes.
#pragma once

#include "redis/endpoint.hpp"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace status2::service {

struct watch_target {
  redis::endpoint where;
  std::string path;  ///< with query, percent-encoded as given
};

/// Reads `ws://host[:port]/…` or `ws+unix:///path/of/socket:/…`.
/// Errors: nothing if the text is neither.
std::optional<watch_target> parse_watch_url(std::string_view text);

struct watch_settings {
  std::uint64_t count = 0;  ///< messages until it ends; 0: no end
  bool raw = false;         ///< print whole frames, pings included
};

/// Prints the payload of each message, a line each, to `out`; says init,
/// answers pings and connects again after any loss, with full jitter. What
/// happens to the connection goes to `notes`.
/// Blocks: until `count` messages came, for ever without one.
/// Errors: a line if the broker refuses the request for good (4xx).
std::string watch(const watch_target& target, const watch_settings& settings,
                  std::ostream& out, std::ostream& notes);

}  // namespace status2::service
