#include "transport/target.hpp"

#include <algorithm>
#include <optional>

namespace status2::transport {

namespace {

constexpr bool name_byte(char byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
         (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' ||
         byte == '-';
}

constexpr bool run_byte(char byte) {
  return name_byte(byte) || byte == ';';
}

constexpr int hex_digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

channel_result refused(std::string_view error) {
  return {{}, error};
}

}  // namespace

request_target split_target(std::string_view target) {
  if (!target.starts_with('/')) {
    const auto authority = target.find("://");
    if (authority != std::string_view::npos) {
      const auto path = target.find_first_of("/?", authority + 3);
      target = path == std::string_view::npos ? "" : target.substr(path);
    }
  }
  const auto query = target.find('?');
  if (query == std::string_view::npos) return {target, {}};
  return {target.substr(0, query), target.substr(query + 1)};
}

std::string_view below_prefix(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return {};
  path.remove_prefix(prefix.size());
  return path.starts_with('/') ? path : std::string_view{};
}

channel_result parse_channel(std::string_view path, std::string_view prefix) {
  path = below_prefix(path, prefix);
  if (path.empty()) return refused("the path is not below the prefix");
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  auto name = percent_decoded(path);
  if (!name) return refused("the path has a broken percent-encoding");
  const auto colon = name->find(':');
  if (colon == std::string::npos)
    return refused("the path is not <run>:<channel>");
  if (name->size() > longest_channel_name)
    return refused("the channel is longer than 256 bytes");
  channel_name channel{std::move(*name), colon};
  if (channel.run().empty() || !std::ranges::all_of(channel.run(), run_byte))
    return refused("the run must match [A-Za-z0-9_.;-]+");
  if (channel.channel().empty() ||
      !std::ranges::all_of(channel.channel(), name_byte))
    return refused("the channel must match [A-Za-z0-9_.-]+");
  return {std::move(channel), {}};
}

}  // namespace status2::transport
