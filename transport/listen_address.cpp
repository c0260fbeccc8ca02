#include "transport/listen_address.hpp"

#include "transport/number.hpp"

namespace status2::transport {

namespace {

std::optional<listen_address> parse_unix_path(std::string_view path) {
  if (path.size() < 2 || path.size() > longest_unix_path ||
      path.find('\0') != std::string_view::npos || path.ends_with('/'))
    return std::nullopt;
  return listen_address{{}, 0, std::string(path)};
}

}  // namespace

std::optional<listen_address> parse_listen_address(std::string_view text) {
  constexpr std::string_view unix_scheme = "unix:";
  const auto rest =
      text.starts_with(unix_scheme) ? text.substr(unix_scheme.size()) : "";
  if (rest.starts_with('/')) return parse_unix_path(rest);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of("[]: /@") != std::string_view::npos) {
    return std::nullopt;
  }
  return listen_address{std::string(host), *port};
}

listen_address reachable_at(listen_address address) {
  if (!address.unix_path.empty()) return address;
  if (address.host.empty() || address.host == "0.0.0.0")
    address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return address;
}

}  // namespace status2::transport
