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
  bool tls = false;
};

/// Reads `ws://host[:port]/…`, the same with `wss:`, `http:` and `https:`, or
/// `ws+unix:///path/of/socket:/…`. Errors: nothing if the text is none of them.
std::optional<watch_target> parse_watch_url(std::string_view text);

struct watch_settings {
  std::uint64_t count = 0;    ///< messages until it ends; 0: no end
  bool raw = false;           ///< print whole frames, pings included
  bool event_stream = false;  ///< instead of a WebSocket
  /// Messages before the live ones; nothing: what the address asks for.
  std::optional<std::uint64_t> tail{};
  std::string since{};    ///< id behind which to begin; empty: none
  std::string ca_file{};  ///< PEM, who may vouch for the server; empty: whom
                          ///< the system trusts
  /// File with a token, read for each attempt; empty: no token.
  std::string token_file{};
};

/// The path to ask for: `path` with what `settings` want, from behind the
/// message with the id `last`, if there was one.
std::string watch_path(const std::string& path, const watch_settings& settings,
                       const std::string& last);

/// Prints the payload of each message, a line each, to `out`; says init,
/// answers pings and connects again after any loss, with full jitter; from
/// where it was if messages have ids, those of a replay or an event stream.
/// What happens to the connection, and what may be missing, goes to `notes`.
/// Blocks: until `count` messages came, for ever without one.
/// Errors: a line if the broker refuses the request for good (4xx).
std::string watch(const watch_target& target, const watch_settings& settings,
                  std::ostream& out, std::ostream& notes);

}  // namespace status2::service
