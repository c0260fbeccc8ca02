#include "service/proxy_table.hpp"

#include "transport/characters.hpp"

#include <algorithm>
#include <utility>

namespace status2::service {

namespace {

constexpr std::string_view unix_peers = "unix:";

/// Source: RFC 1123 section 2.1.
bool valid_name(std::string_view text) {
  constexpr std::size_t longest = 253;
  if (text.ends_with('.')) text.remove_suffix(1);
  const auto last = text.substr(text.rfind('.') + 1);
  return !text.empty() && text.size() <= longest &&
         transport::made_of(text, "-._") && !text.starts_with('.') &&
         text.find("..") == std::string_view::npos &&
         last.find_first_not_of("0123456789") != std::string_view::npos;
}

}  // namespace

bool valid_proxy(std::string_view item) {
  return item == unix_peers || transport::parse_network(item) ||
         valid_name(item);
}

proxy_table::proxy_table(const std::vector<std::string>& items) {
  for (const auto& item : items) {
    if (item == unix_peers)
      unix_sockets_ = true;
    else if (auto network = transport::parse_network(item))
      networks_.push_back(std::move(*network));
    else if (std::ranges::find(hosts_, item, &host::name) == hosts_.end())
      hosts_.push_back({item});
  }
}

std::vector<std::string> proxy_table::names() const {
  std::vector<std::string> names;
  names.reserve(hosts_.size());
  for (const auto& one : hosts_)
    names.push_back(one.name);
  return names;
}

bool proxy_table::complete() const {
  return std::ranges::none_of(
      hosts_, [](const auto& one) { return one.addresses.empty(); });
}

transport::proxy_set proxy_table::trusted() const {
  auto networks = networks_;
  for (const auto& one : hosts_)
    for (const auto& address : one.addresses)
      if (auto single = transport::parse_network(address.to_string()))
        networks.push_back(std::move(*single));
  return transport::proxy_set(std::move(networks), unix_sockets_);
}

bool proxy_table::found(const std::string& name,
                        std::set<transport::address> addresses,
                        time_point now) {
  auto& one = host_of(name);
  one.found_at = now;
  one.warned = false;
  if (one.addresses == addresses) return false;
  one.addresses = std::move(addresses);
  return true;
}

proxy_table::failure proxy_table::failed(const std::string& name, bool gone,
                                         time_point now) {
  constexpr std::chrono::minutes longest_without_answer{5};
  constexpr std::chrono::minutes between_warnings{1};
  auto& one = host_of(name);
  failure result;
  if (!one.addresses.empty() &&
      (gone || now - one.found_at >= longest_without_answer)) {
    one.addresses.clear();
    result.changed = true;
  }
  result.warn = !one.warned || now - one.warned_at >= between_warnings;
  if (result.warn) {
    one.warned = true;
    one.warned_at = now;
  }
  return result;
}

proxy_table::host& proxy_table::host_of(const std::string& name) {
  return *std::ranges::find(hosts_, name, &host::name);
}

}  // namespace status2::service
