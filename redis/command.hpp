/// Commands as they go over the wire, and the one error that must not be shown
/// as it comes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

/// `words` as a command on the wire.
/// Source: https://redis.io/docs/reference/protocol-spec/
std::string encode_command(const std::vector<std::string_view>& words);

/// `error`, the answer to an AUTH with `password`, as it may be shown: a Redis
/// that does not know the command repeats its arguments, or the beginning of
/// them.
std::string login_error(const std::string& error, std::string_view password);

}  // namespace status2::redis
