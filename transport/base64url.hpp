/// base64url without padding, as tokens and tickets have it. Pure.
/// Source: RFC 4648 section 5, RFC 7515 section 2.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

std::string base64url(std::string_view bytes);

/// The bytes that `text` stands for. Errors: nothing if `text` has another
/// character, padding included, or a length that cannot be.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace status2::transport
