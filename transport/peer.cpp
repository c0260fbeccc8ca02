#include "transport/peer.hpp"

namespace status2::transport {

std::string to_text(const peer& who) {
  if (!who.unix_path.empty()) return "unix:" + who.unix_path;
  const auto address = plain(who.where);
  const auto port = ":" + std::to_string(who.port);
  if (address.is_v4()) return address.to_string() + port;
  return "[" + address.to_string() + "]" + port;
}

}  // namespace status2::transport
