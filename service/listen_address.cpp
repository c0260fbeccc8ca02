#include "service/listen_address.hpp"

#include "service/size.hpp"

namespace status2::service {

std::optional<listen_address> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_count(text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of("[]: /@") != std::string_view::npos) {
    return std::nullopt;
  }
  return listen_address{std::string(host), static_cast<unsigned short>(*port)};
}

listen_address reachable_at(listen_address address) {
  if (address.host.empty() || address.host == "0.0.0.0")
    address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return address;
}

}  // namespace status2::service
