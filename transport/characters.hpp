/// Characters of ASCII. Pure.
#pragma once

#include <algorithm>
#include <string_view>

namespace status2::transport {

/// Returns whether every byte of `text` is an ASCII letter, an ASCII digit or
/// one of `more`. An empty text is.
constexpr bool made_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [more](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') ||
           more.find(byte) != std::string_view::npos;
  });
}

/// Returns the value of a hexadecimal digit, -1 if `byte` is not one.
constexpr int hex_digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

/// `text` without the blanks and tabs at its ends.
constexpr std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
  return text.substr(0, text.find_last_not_of(space) + 1);
}

}  // namespace status2::transport
