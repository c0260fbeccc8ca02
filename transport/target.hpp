/// From a request's target to a channel: the path rules of docs/contract.md.
/// Pure.
#pragma once

#include "transport/refusal.hpp"
#include "transport/upgrade.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace status2::transport {

/// A request target's parts, still percent-encoded.
struct request_target {
  std::string_view host;   ///< `host[:port]` of absolute-form; else empty
  std::string_view path;   ///< begins with a slash
  std::string_view query;  ///< without `?`
};

/// Splits origin-form (`/path`) and absolute-form (`http`, `https`, `ws` or
/// `wss`, as proxies may send it). Errors: nothing for any other form.
/// Source: RFC 9112 section 3.2.
std::optional<request_target> split_target(std::string_view target);

/// `path` without `prefix`, starting with a slash; empty if it is not under
/// the prefix.
std::string_view below_prefix(std::string_view path, std::string_view prefix);

inline constexpr std::size_t longest_channel_name = 256;  ///< bytes

/// A channel, or the reason why the path names none.
struct channel_result {
  channel_name channel;
  std::optional<refusal> refused;  ///< nothing: `channel` is valid
};

/// Reads `[prefix]/<run>:<channel>`, percent-encoded or not.
channel_result parse_channel(std::string_view path, std::string_view prefix);

/// Whether the channel belongs to Redis or to the broker itself: nobody may
/// watch it.
bool is_reserved(const channel_name& channel);

}  // namespace status2::transport
