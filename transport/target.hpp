/// From a request's target to a channel: the path rules of docs/contract.md.
/// Pure.
#pragma once

#include "transport/upgrade.hpp"

#include <cstddef>
#include <string_view>

namespace status2::transport {

/// A request target's parts, still percent-encoded.
struct request_target {
  std::string_view path;
  std::string_view query;  ///< without `?`
};

/// Splits origin-form and, as proxies may send it, absolute-form.
/// Source: RFC 9112 section 3.2.
request_target split_target(std::string_view target);

/// `path` without `prefix`, starting with a slash; empty if it is not under
/// the prefix.
std::string_view below_prefix(std::string_view path, std::string_view prefix);

inline constexpr std::size_t longest_channel_name = 256;  ///< bytes

/// A channel, or in one line why there is none.
struct channel_result {
  channel_name channel;
  std::string_view error;  ///< empty: `channel` is valid
};

/// Reads `[prefix]/<run>:<channel>`, percent-encoded or not.
channel_result parse_channel(std::string_view path, std::string_view prefix);

}  // namespace status2::transport
